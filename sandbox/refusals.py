"""DingTalk's refusals by code, with the official short texts (reference §2, §5 and §7.3)."""

TEXTS: dict[int, str] = {
    -1: "系统繁忙",
    33012: "无效的USERID",
    40009: "不合法的部门id",
    40011: "不合法的排序order",
    40031: "不合法的UserID列表",
    40033: "不合法的请求字符，不能包含\\uxxxx格式的字符",
    40035: "不合法的参数",
    40068: "不合法的偏移量",
    40069: "不合法的分页大小",
    40070: "不合法的排序参数",
    40093: "无效的企业群群主",
    40096: "不合法的appKey或appSecret",
    41001: "缺少access_token参数",
    43001: "需要GET请求",
    43002: "需要POST请求",
    43007: "需要授权",
    47001: "解析JSON/XML内容错误",
    # Live texts; the code table words them differently (CODE:21003465370, LOG19).
    50002: "请求的员工userid不在授权范围内",
    50004: "请求的部门id不在授权范围内",
    60001: "不合法的部门名称",
    60002: "部门层级深度超过限制",
    60003: "部门不存在",
    60004: "父部门不存在",
    60005: "不允许删除有成员的部门",
    60006: "不允许删除有子部门的部门",
    60007: "不允许删除根部门",
    60008: "父部门下该部门名称已存在",
    60009: "部门名称含有非法字符",
    60010: "部门存在循环关系",
    60011: "没有调用该接口的权限",
    60018: "不允许更新根部门",
    60021: "父部门下该部门名称已存在",
    60022: "包含敏感内容，请检查修改后重试！",
    60109: "非法的可查看id列表",
    60110: "部门个数超出限制",
    60121: "找不到该用户",
    400001: "系统错误",
    400002: "参数错误",
    600109: "不合法的可见id列表",
}

TOKEN_TEXTS: dict[int, str] = {
    33001: "无效的企业ID",
    40001: "获取access_token时Secret错误，或者access_token无效",
    40014: "不合法的access_token",
    42001: "access_token超时",
}


class Refused(Exception):
    """A call understood and refused: HTTP 200 with this code in the legacy family."""

    def __init__(self, code: int, text: str | None = None) -> None:
        self.code = code
        self.text = TEXTS[code] if text is None else text
        super().__init__(f"{code} {self.text}")


class Stopped(Exception):
    """A call stopped at the gate: token, permission point, IP list or rate.

    Each family has its own words for it. The topapi gateway wraps the code in 88, older paths say it
    bare, the new API answers with an HTTP status and a code of its own (reference §7.1).
    """

    def __init__(
        self,
        code: int,
        text: str,
        *,
        status: int,
        modern_code: str,
        modern_text: str | None = None,
        points: tuple[str, ...] = (),
        bare: bool = False,
    ) -> None:
        self.code = code
        self.text = text
        self.status = status
        self.modern_code = modern_code
        self.modern_text = text if modern_text is None else modern_text
        self.points = points
        self.bare = bare
        super().__init__(f"{code} {text}")


class ModernRefused(Exception):
    """A new-API call refused for its content."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status = status
        self.code = code
        self.message = message
        super().__init__(f"{status} {code}")
