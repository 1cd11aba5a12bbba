"""Words for made-up people and places. No department name built of them holds a `-`, `,` or `，`."""

# ruff: noqa: SIM905 - fifty names read better as a line of text than as fifty strings

CHINESE_SURNAMES = (
    "王 李 张 刘 陈 杨 赵 黄 周 吴 徐 孙 胡 朱 高 林 何 郭 马 罗 梁 宋 郑 谢 韩 "
    "唐 冯 于 董 萧 程 曹 袁 邓 许 傅 沈 曾 彭 吕 苏 卢 蒋 蔡 贾 丁 魏 薛 叶 阎"
).split()
CHINESE_GIVEN_NAMES = (
    "伟 芳 娜 敏 静 丽 强 磊 军 洋 勇 艳 杰 娟 涛 明 超 秀英 霞 平 刚 桂英 建华 文博 子涵 "
    "雨桐 浩然 梓萱 欣怡 宇航 思远 嘉怡 志强 海燕 晓东 雪梅 国栋 婷婷 俊杰 佳琪 立新 春燕"
).split()
WESTERN_GIVEN_NAMES = (
    "Anna Ben Carla Daniel Elena Felix Grace Hugo Irene Jonas "
    "Karen Liam Marta Nils Olivia Peter Rosa Simon Tessa Victor"
).split()
WESTERN_SURNAMES = (
    "Abbott Becker Costa Dubois Eriksen Fischer Garcia Hughes Ivanova Jensen "
    "Keller Lambert Moreau Novak Owens Petit Quinn Rossi Schmidt Turner"
).split()
TITLES = (
    "工程师 Engineer",
    "Specialist",
    "专员",
    "高级工程师 Senior Engineer",
    "Analyst",
    "主管 Supervisor",
    "Coordinator",
    "技术员 Technician",
)
MANAGER_TITLES = ("经理 Manager", "部门经理", "Head of Department", "Director 总监")

CITIES = (
    "北京 Beijing",
    "上海 Shanghai",
    "广州 Guangzhou",
    "深圳 Shenzhen",
    "成都 Chengdu",
    "杭州 Hangzhou",
    "武汉 Wuhan",
    "西安 Xi'an",
    "重庆 Chongqing",
    "南京 Nanjing",
    "天津 Tianjin",
    "苏州 Suzhou",
    "长沙 Changsha",
    "青岛 Qingdao",
    "宁波 Ningbo",
    "无锡 Wuxi",
    "厦门 Xiamen",
    "大连 Dalian",
    "郑州 Zhengzhou",
    "合肥 Hefei",
    "昆明 Kunming",
    "沈阳 Shenyang",
    "Singapore",
    "Hamburg",
    "Milano",
    "Rotterdam",
    "Chicago",
    "Monterrey",
    "São Paulo",
    "Dubai",
)
UNITS = (
    "门店 Store",
    "服务站 Service",
    "仓库 Depot",
    "销售组 Sales",
    "客服组 Support",
    "技术组 Engineering",
    "行政组 Office",
    "项目组 Projects",
)
