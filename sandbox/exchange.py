"""What goes over the wire: a request as it was read, a reply, and the note kept of both."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any, Literal
from urllib.parse import parse_qsl
from wsgiref.types import WSGIEnvironment

MODERN = "/v1.0/"
FORM = "application/x-www-form-urlencoded"
TOKEN = "access_token"  # noqa: S105 - the name of a parameter
TOKEN_HEADER = "x-acs-dingtalk-access-token"  # noqa: S105 - the name of a header
_SECRETS = frozenset({TOKEN, "appsecret", "appSecret"})

TokenPlace = Literal["query", "form", "header", ""]

_BLOCK = b" " * 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A call. `body` is None when it could not be read as a form or a JSON object."""

    request_id: str
    method: str
    path: str
    query: Mapping[str, str]
    header_token: str
    content: bytes
    body: Mapping[str, object] | None
    is_form: bool
    remote: str

    @classmethod
    def read(cls, environ: WSGIEnvironment, request_id: str) -> "Request":
        stream: IO[bytes] = environ["wsgi.input"]
        content = stream.read(int(environ.get("CONTENT_LENGTH") or 0))
        is_form = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() == FORM
        return cls(
            request_id=request_id,
            method=environ["REQUEST_METHOD"],
            path=environ.get("PATH_INFO", ""),
            query=dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)),
            header_token=environ.get("HTTP_X_ACS_DINGTALK_ACCESS_TOKEN", ""),
            content=content,
            body=_read_body(content, is_form=is_form),
            is_form=is_form,
            remote=environ.get("REMOTE_ADDR", ""),
        )

    @property
    def legacy_token(self) -> tuple[str, TokenPlace]:
        """The token where the legacy family looks for it: the query, or a form's field (PROBE P11)."""
        if token := self.query.get(TOKEN, ""):
            return token, "query"
        if self.is_form and self.body and (token := str(self.body.get(TOKEN, ""))):
            return token, "form"
        return "", ""

    @property
    def is_modern(self) -> bool:
        return self.path.startswith(MODERN)

    def concerns(self, *, path: str = "", dept_id: int | None = None) -> bool:
        """Whether the path holds this text and the body names this department, or creates below it."""
        if path not in self.path:
            return False
        if dept_id is None:
            return True
        body = self.body or {}
        # A form sends its numbers as strings.
        return str(body.get("dept_id", body.get("parent_id"))) == str(dept_id)

    @property
    def token_place(self) -> TokenPlace:
        return self.legacy_token[1] or ("header" if self.header_token else "")


def _read_body(content: bytes, *, is_form: bool) -> Mapping[str, object] | None:
    try:
        text = content.decode()
        if is_form:
            return dict(parse_qsl(text, keep_blank_values=True))
        body = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; `code` and `sub_code` repeat what the body says, for the log.

    A text is a page; bytes are sent as they are, as JSON. `padding` is how many spaces follow.
    """

    body: Mapping[str, object] | str | bytes
    status: int = 200
    code: int | str = 0
    sub_code: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    padding: int = 0
    hang_up: bool = False  # close the connection afterwards, without having said so

    @property
    def content_type(self) -> str:
        kind = "text/html" if isinstance(self.body, str) else "application/json"
        return f"{kind};charset=UTF-8"

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        if isinstance(self.body, str):
            return self.body.encode()
        text = json.dumps(self.body, ensure_ascii=False, separators=(",", ":"))
        # Half a surrogate pair may have come in as an escape; it has no bytes of its own.
        return text.encode(errors="replace")

    def spaces(self) -> Iterator[bytes]:
        """The padding, which is never in memory at once."""
        whole, rest = divmod(self.padding, len(_BLOCK))
        for _ in range(whole):
            yield _BLOCK
        if rest:
            yield _BLOCK[:rest]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request and how it was answered. Tokens and secrets are left out.

    `fault` names what went wrong on purpose; where the line was cut, the status is 0 and the code the fault.
    """

    sequence: int
    time: float
    request_id: str
    method: str
    path: str
    query: Mapping[str, str]
    body: Mapping[str, Any] | None
    token: TokenPlace
    remote: str
    status: int
    code: int | str
    sub_code: str
    fault: str = ""

    @classmethod
    def of(
        cls, request: Request, reply: Reply, *, sequence: int, time: float, fault: str = ""
    ) -> "Call":
        return cls(
            sequence=sequence,
            time=time,
            request_id=request.request_id,
            method=request.method,
            path=request.path,
            query=without_secrets(request.query),
            body=None if request.body is None else without_secrets(request.body),
            token=request.token_place,
            remote=request.remote,
            status=reply.status,
            code=reply.code,
            sub_code=reply.sub_code,
            fault=fault,
        )


def without_secrets(sent: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in sent.items() if name not in _SECRETS}
