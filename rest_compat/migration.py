"""`/api/v1/migrate`: the owner's one-time set-up call."""

from db.enums import AuditAction
from resolvers.audit import Act, record
from rest_compat.services import Call, router_at
from rest_compat.wire import MigrationBody, RefusalBody

router = router_at("/api/v1/migrate", "migration")


@router.post("/look-videos", responses={401: {"model": RefusalBody}, 403: {"model": RefusalBody}})
async def migrate_look_videos(call: Call) -> MigrationBody:
    """Make the table that links videos to looks; for admins, safe to call again."""
    call.caller.require_admin()
    if await call.services.migrate_look_videos():
        async with call.transaction() as transaction:
            await record(transaction, call.caller, Act(AuditAction.MIGRATE_LOOK_VIDEOS))
        return MigrationBody(status="success", message="The look_videos table has been created")
    return MigrationBody(status="already_migrated", message="The look_videos table is there already")
