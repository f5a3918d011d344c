"""The findings of `tidemill doctor`, made anew after some seconds and never twice at a time."""

import asyncio
import time
from collections.abc import Sequence

from fastapi import FastAPI, Request, Response

from dataflow.errors import SqlFailed
from doctor.finding import Finding
from serve.api.described import ONLY_JSON, described, responses
from serve.api.server import Server
from serve.ask.parameters import read
from serve.forms import ENCODER, JSON
from serve.problem import Problem
from serve.sql.examine import no_pool_finding, walls_finding

FRESH_S = 10.0
_TIMEOUT_S = 120.0
_DOCUMENT = {"type": "object", "required": ["findings"], "properties": {"findings": {"type": "array"}}}


def add_doctor_route(app: FastAPI, server: Server) -> None:
    """Add it."""
    looks = _Looks(server)

    async def doctor(request: Request) -> Response:
        """Every check with how bad it is, what is, and how to mend it."""
        read(request.query_params.multi_items(), [ONLY_JSON])
        findings = [*await looks.findings(), *await _of_sql(server)]
        return Response(ENCODER.encode({"findings": [_shown(each) for each in findings]}), media_type=JSON.media_type)

    app.add_api_route(
        "/api/v1/doctor",
        doctor,
        methods=["GET"],
        summary="What is wrong, what will be, and why a window has not closed",
        operation_id="doctor",
        responses=responses(400, 401, 501, 503, 504, document=_DOCUMENT),
        openapi_extra={"parameters": described([ONLY_JSON])},
        response_class=Response,
    )


async def _of_sql(server: Server) -> Sequence[Finding]:
    """Which walls stand around SQL; nothing where the server takes none."""
    if not server.wish.sql:
        return ()
    try:
        return (walls_finding((await server.sql.pool()).describe()),)
    except SqlFailed as problem:
        return (no_pool_finding(problem),)


class _Looks:
    def __init__(self, server: Server) -> None:
        self._server = server
        self._lock = asyncio.Lock()
        self._found: Sequence[Finding] = ()
        self._at_s = -FRESH_S

    async def findings(self) -> Sequence[Finding]:
        examine = self._server.wish.examine
        if examine is None:
            raise Problem(
                501, "no-examination", "this server examines nothing", "it was started without", "`tidemill doctor`"
            )
        async with self._lock:
            if time.monotonic() - self._at_s >= FRESH_S:
                self._found = await self._server.slow.run(examine, _TIMEOUT_S)
                self._at_s = time.monotonic()
            return self._found


def _shown(finding: Finding) -> dict[str, object]:
    told = finding.to_json()
    return {
        "level": told["severity"],
        "subject": told["check"],
        "message": told["message"],
        "fix": told["fix"],
        "details": told["details"],
    }
