"""Repeatable companies: a believable one of about sixty departments, and any size grown around it."""

import random
import time
from collections.abc import Iterator

from sandbox import names, outline
from sandbox.org import Organisation
from sandbox.records import ROOT, Department

CORE = """
华星精密 Huaxing Precision [chat] [people 2]
  总裁办公室 Executive Office [order 10] [code EXEC] [people 4]
    战略发展 Strategy [people 3]
    内部审计 Internal Audit [hidden] [people 2]
    Project Lotus 并购项目组 [hidden] [chat] [people 3]
  人力资源部 Human Resources [order 20] [code HR] [source ERP_2000] [chat] [people 3]
    招聘 Talent Acquisition [source ERP_2010] [people 4]
    薪酬福利 Compensation and Benefits [restricted] [people 3]
    培训发展 Learning and Development [people 2]
    员工关系 Employee Relations [people 3]
  财务部 Finance [order 30] [code FIN] [source ERP_3000] [chat] [people 3]
    会计核算 Accounting [source ERP_3010] [people 5]
    Treasury 资金管理 [people 3]
    税务 Tax [people 2]
    财务共享中心 Shared Services [people 6]
  法务与合规 Legal and Compliance [order 40] [code LEGAL] [people 4]
  研发中心 R&D Center [order 50] [code RND] [source ERP_5000] [chat] [people 3]
    硬件工程 Hardware [order 1] [people 3]
      结构设计 Mechanical [people 5]
      电子电路 Electronics [people 3]
        PCB Layout [people 4]
        射频组 RF [people 3]
          天线实验室 Antenna Lab [people 3]
    软件工程 Software [order 2] [chat] [people 3]
      嵌入式 Embedded [people 6]
      云平台 Cloud Platform [chat] [people 7]
      Mobile Apps 移动端 [people 4]
    质量部 Quality [order 3] [people 5]
    前沿研究 Advanced Research [people 3]
  制造部 Manufacturing [order 60] [code MFG] [source ERP_6000] [people 3]
    苏州工厂 Suzhou Plant [chat] [people 3]
      一号车间 Workshop 1 [people 3]
        A线 Line A [people 2]
          早班 Day Shift [people 8]
          夜班 Night Shift [people 7]
        B线 Line B [people 6]
      质量部 Quality [people 4]
      设备维护 Maintenance [people 4]
    Dongguan Plant 东莞工厂 [people 3]
      注塑 Moulding [people 6]
      装配 Assembly [people 8]
      仓储物流 Warehouse [people 5]
  销售部 Sales [order 70] [code SALES] [source ERP_7000] [chat] [people 3]
    华东大区 East China [order 10] [chat] [people 2]
      上海 Shanghai [people 4]
      江苏 Jiangsu [people 4]
    华南大区 South China [order 20] [people 2]
      深圳 Shenzhen [people 4]
      广州 Guangzhou [people 3]
    EMEA [order 30] [people 2]
      DACH [people 3]
      UK and Ireland [people 2]
    North America [people 3]
    大客户部 Key Accounts [restricted] [people 3]
  市场部 Marketing [people 2]
    品牌 Brand [people 3]
    数字营销 Digital [people 4]
  供应链 Supply Chain [code SCM] [people 2]
    采购 Procurement [people 5]
    Joint Office for Supplier Quality New Materials and Localisation [people 2]
  信息技术部 IT [people 3]
  旧上海办公室（已迁出）Former Shanghai Office [chat]
    行政 Administration [chat]
    前台 Reception
    信息支持 IT Helpdesk [chat]
      机房 Server Room
"""

DEEPEST = 9
CROWD = 2_000
_CROWDED_FROM = 5_000
_SPINE = (
    "区域网络 Regional Network",
    "大中华区 Greater China",
    "江苏省",
    "苏州 Suzhou",
    "工业园区 Industrial Park",
    "星湖街园区 Xinghu Campus",
    "一号楼 Building 1",
    "C线 Line C",
    "早班 Day Shift",
)
_SHARED_BY_TWO = 8
_WITH_CHAT = 0.03
_FOUNDED_MS = 1_262_275_200_000  # 2010-01-01 in China
_YEARS_MS = 15 * 365 * 86_400_000


def company(departments: int | None = None, seed: int = 1) -> Organisation:
    """The demonstration company, or one of that many departments, the root included.

    The same arguments make the same company, ids included. A company smaller than the core is the
    core's first departments.
    """
    org = Organisation(seed=seed, clock=lambda: _FOUNDED_MS / 1000)
    staffing = _Staffing(org, random.Random(seed))
    core = list(outline.read(CORE))
    for line in core[:departments]:
        staffing.settle(line)
    if len(org) == len(core):
        staffing.share_people()
    _add_exceptions(org)
    if departments is not None:
        _grow(org, staffing, departments)
    org.clock = time.time
    org.journal.clear()
    return org


class _Staffing:
    """Puts made-up people into departments, the first of each as its manager."""

    def __init__(self, org: Organisation, chance: random.Random) -> None:
        self.org = org
        self.chance = chance
        self._trail: list[int] = []
        self._hired = 0

    def settle(self, line: outline.Line) -> None:
        """Build one line of the core with as many people as it says."""
        if not line.level:
            dept_id = self.org.rename_department(ROOT, line.name).dept_id
        else:
            above = self._trail[line.level - 1]
            dept_id = self.org.create_department(line.name, parent=above).dept_id
        self._trail[line.level :] = [dept_id]
        self.staff(dept_id, line.people)
        self.org.edit_department(dept_id, **line.fields())

    def staff(self, dept_id: int, people: int) -> None:
        hired = [self._hire(dept_id, manager=not place) for place in range(people)]
        if hired:
            self.org.edit_department(dept_id, dept_manager_userid_list=hired[:1])

    def share_people(self) -> None:
        """Some people belong to two departments."""
        staffed = [one.dept_id for one in self.org if self.org.member_ids(one.dept_id)]
        for userid in self.chance.sample([one.userid for one in self.org.people], _SHARED_BY_TWO):
            here = self.org.member(userid).dept_ids
            elsewhere = [dept_id for dept_id in staffed if dept_id not in here]
            self.org.add_member(self.chance.choice(elsewhere), "", userid=userid)

    def _hire(self, dept_id: int, *, manager: bool) -> str:
        self._hired += 1
        titles = names.MANAGER_TITLES if manager else names.TITLES
        member = self.org.add_member(
            dept_id,
            self._name(),
            userid=f"hx{self._hired:05d}",
            title=self.chance.choice(titles),
            job_number=f"HX{self._hired:05d}",
            hired_date=_FOUNDED_MS + self.chance.randrange(_YEARS_MS),
            boss=dept_id == ROOT and manager,
            admin=dept_id == ROOT,
        )
        return member.userid

    def _name(self) -> str:
        chance = self.chance
        if chance.random() < 0.25:
            given, family = names.WESTERN_GIVEN_NAMES, names.WESTERN_SURNAMES
            return f"{chance.choice(given)} {chance.choice(family)}"
        name = chance.choice(names.CHINESE_SURNAMES) + chance.choice(names.CHINESE_GIVEN_NAMES)
        # Many in such companies go by a Western given name beside their own.
        if chance.random() < 0.2:
            return f"{name} {chance.choice(names.WESTERN_GIVEN_NAMES)}"
        return name


def _add_exceptions(org: Organisation) -> None:
    """Who may still see a hidden department, and what a restricted one may still see."""
    named = {department.name: department for department in org}
    watched = named.get("Project Lotus 并购项目组")
    if watched is not None:
        office = named["总裁办公室 Executive Office"]
        org.edit_department(
            watched.dept_id,
            dept_permits=[office.dept_id],
            user_permits=org.member_ids(ROOT)[:1],
        )
    confined = named.get("薪酬福利 Compensation and Benefits")
    if confined is not None:
        org.edit_department(
            confined.dept_id,
            outer_dept_only_self=True,
            outer_permit_depts=[named["人力资源部 Human Resources"].dept_id],
            outer_permit_users=org.member_ids(ROOT)[:1],
        )


def _grow(org: Organisation, staffing: _Staffing, departments: int) -> None:
    spine = list(_spine(org, limit=departments))
    for department in spine:
        staffing.staff(department.dept_id, 1)
    if departments >= _CROWDED_FROM:
        _crowd(org, staffing)
    open_ids = [department.dept_id for department in spine[:-1]]
    for dept_id in open_ids:  # grows while it is walked: each new department may have its own
        if len(org) >= departments:
            return
        below = _expand(org, staffing, dept_id, room=departments - len(org))
        if org.depth(dept_id) < DEEPEST - 1:
            open_ids.extend(below)


def _spine(org: Organisation, *, limit: int) -> Iterator[Department]:
    """One chain as deep as the company gets."""
    above = ROOT
    for name in _SPINE:
        if len(org) >= limit:
            return
        department = org.create_department(name, parent=above)
        above = department.dept_id
        yield department


def _crowd(org: Organisation, staffing: _Staffing) -> None:
    """More children than the API would allow: what is older than a rule stays."""
    above = org.create_department("零售门店 Retail Stores").dept_id
    for number in range(1, CROWD + 1):
        city = names.CITIES[number % len(names.CITIES)]
        _build(org, staffing, f"{city} 门店 {number:04d}", parent=above, people=0)


def _expand(org: Organisation, staffing: _Staffing, dept_id: int, *, room: int) -> list[int]:
    chance = staffing.chance
    below = []
    for city in chance.sample(names.CITIES, min(room, chance.randint(3, 12))):
        name, people = f"{city} {chance.choice(names.UNITS)}", chance.choice((0, 1, 1, 2))
        below.append(_build(org, staffing, name, parent=dept_id, people=people))
    return below


def _build(org: Organisation, staffing: _Staffing, name: str, *, parent: int, people: int) -> int:
    dept_id = org.create_department(name, parent=parent).dept_id
    staffing.staff(dept_id, people)
    if staffing.chance.random() < _WITH_CHAT:
        org.edit_department(dept_id, create_dept_group=True)
    return dept_id
