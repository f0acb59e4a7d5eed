-- What has expired is asked for across all workspaces, by time: the indexes that clean-up goes by begin with
-- it, so that a pass reads what it clears and no more, however many workspaces there are.

DROP INDEX deleted_user_expiry;
CREATE INDEX deleted_user_expiry ON deleted_user (expires_at);

DROP INDEX deleted_group_expiry;
CREATE INDEX deleted_group_expiry ON deleted_group (expires_at);

DROP INDEX change_image;
CREATE INDEX change_image ON change (at) WHERE before IS NOT NULL;

DROP INDEX notice_ended;
CREATE INDEX notice_ended ON notice (ended_at) WHERE ended_at IS NOT NULL;
