"""An export's file as an answer over HTTP."""

from django.http import StreamingHttpResponse

from console.exports import files
from console.exports.files import NoFileError
from console.models import AuditExport

TYPES = {
    AuditExport.Format.CSV: "text/csv; charset=utf-8; header=present",
    AuditExport.Format.JSONL: "application/jsonl; charset=utf-8",
}


def answer(export: AuditExport) -> StreamingHttpResponse:
    """To be saved and never shown. Raises `NoFileError`, also while there is none yet."""
    if export.state != AuditExport.State.DONE:
        raise NoFileError(f"{export} is {export.get_state_display().lower()}: there is no file to download.")
    pieces = files.read(export)
    return StreamingHttpResponse(
        pieces,
        content_type=TYPES[AuditExport.Format(export.format)],
        headers={
            "Content-Disposition": f'attachment; filename="{export.file_name}"',
            "Content-Length": str(export.size),
            "Cache-Control": "no-store",
        },
    )
