-- The directory.
--
-- The workspace comes first in every primary key, unique key and index, so that the rows can be
-- spread by it: no key leads to another table, no sequence counts and no trigger runs, so that no
-- part of the rows needs another. The indexes that serve questions across workspaces say why; none
-- of them is unique.
-- Times are microseconds since 1970-01-01T00:00:00Z. A column `..._key` holds text in its form for
-- comparison, folded before it gets here; text is compared by its code points, as everywhere else.

CREATE TABLE workspace (
    id             UUID   NOT NULL PRIMARY KEY,
    display_name   TEXT   COLLATE "C" NOT NULL,
    contact_email  TEXT   COLLATE "C" NOT NULL,
    created_at     BIGINT NOT NULL,
    email_join     TEXT   COLLATE "C" NOT NULL,
    -- All three or none.
    suspended_at   BIGINT,
    suspended_by   TEXT   COLLATE "C",
    suspend_reason TEXT   COLLATE "C",
    -- The last number given out; the first is 1. Each write locks this row first, and moves it last.
    revision       BIGINT NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE domain (
    workspace_id  UUID   NOT NULL,
    name          TEXT   COLLATE "C" NOT NULL,
    state         TEXT   COLLATE "C" NOT NULL,
    contact_email TEXT   COLLATE "C" NOT NULL,
    claimed_at    BIGINT NOT NULL,
    claimed_by    TEXT   COLLATE "C" NOT NULL,
    -- The token that a TXT record of the domain shows to prove the claim.
    challenge     TEXT   COLLATE "C" NOT NULL,
    -- How it was decided, when it was.
    decided_at    BIGINT,
    decided_by    TEXT   COLLATE "C",
    decided_how   TEXT   COLLATE "C",
    note          TEXT   COLLATE "C",
    PRIMARY KEY (workspace_id, name)
);

-- Across workspaces, because an address that signs in names a domain and no workspace.
CREATE INDEX domain_verified ON domain (name, workspace_id) WHERE state = 'verified';
-- Across workspaces, because operators take the claims of all in the order of their waiting.
CREATE INDEX domain_pending ON domain (claimed_at, workspace_id, name) WHERE state = 'pending';
-- Across workspaces, because operators see who else waits for a domain.
CREATE INDEX domain_waiting ON domain (name, workspace_id) WHERE state = 'pending';

-- What is known of the TXT records by which claims of domains are proven. It changes with each
-- question to the DNS, and is no part of the claim: no revision, no record of a change.
CREATE TABLE domain_check (
    workspace_id  UUID   NOT NULL,
    name          TEXT   COLLATE "C" NOT NULL,
    -- Since when the pauses between questions grow, and how many were asked since.
    begun_at      BIGINT NOT NULL,
    attempts      BIGINT NOT NULL,
    checked_at    BIGINT,
    -- When to ask; nothing: not until somebody asks for it.
    next_at       BIGINT,
    outcome       TEXT   COLLATE "C",
    missing_since BIGINT,
    warned_at     BIGINT,
    proven_at     BIGINT,
    -- Until when it is taken.
    lease_until   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, name)
);

-- Across workspaces, because what is due is asked in the order of its time, whosever it is.
CREATE INDEX domain_check_due ON domain_check (next_at, workspace_id, name) WHERE next_at IS NOT NULL;

-- Domains whose people may wait: those who were kept without a login e-mail until it was verified. A row
-- is made with the verification and goes with the last of them, so that there are few.
CREATE TABLE waiting_people (
    workspace_id UUID   NOT NULL,
    domain       TEXT   COLLATE "C" NOT NULL,
    -- The `seq` of the person who was looked at last; 0: nobody was.
    after_seq    BIGINT NOT NULL,
    -- Who has taken it; nothing: nobody.
    taker        UUID,
    -- From when anybody may take it.
    free_at      BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, domain)
);

CREATE TABLE integration (
    workspace_id   UUID   NOT NULL,
    id             UUID   NOT NULL,
    -- The revision of its creation, the order of every list.
    seq            BIGINT NOT NULL,
    display_name   TEXT   COLLATE "C" NOT NULL,
    kind           BIGINT NOT NULL,
    state          TEXT   COLLATE "C" NOT NULL,
    created_at     BIGINT NOT NULL,
    -- When it made or adopted its first person; NULL: not yet. Then nobody joins by themselves any
    -- more, until an admin opens the workspace again.
    provisioned_at BIGINT,
    PRIMARY KEY (workspace_id, id)
);

-- What an integration was seen to do. Written beside the workspace's revisions: nothing is decided
-- by it.
CREATE TABLE integration_status (
    workspace_id      UUID   NOT NULL,
    integration_id    UUID   NOT NULL,
    first_request_at  BIGINT,
    last_request_at   BIGINT,
    -- A number of the contract's IdpKind. 0: nothing has shown it.
    dialect           BIGINT NOT NULL,
    test_at           BIGINT,
    -- All four or none.
    error_at          BIGINT,
    error_http_status BIGINT,
    error_reason      BIGINT,
    error_detail      TEXT   COLLATE "C",
    -- All three or none.
    refusal_at        BIGINT,
    refusal_cause     TEXT   COLLATE "C",
    refusal_key_id    UUID,
    PRIMARY KEY (workspace_id, integration_id)
);

CREATE TABLE api_key (
    workspace_id   UUID   NOT NULL,
    id             UUID   NOT NULL,
    -- The revision of its creation, the order of every list.
    seq            BIGINT NOT NULL,
    integration_id UUID   NOT NULL,
    -- SHA-256 of the key, all that is kept of it.
    key_hash       BYTEA  NOT NULL,
    display_name   TEXT   COLLATE "C" NOT NULL,
    hint           TEXT   COLLATE "C" NOT NULL,
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT,
    revoked_at     BIGINT,
    last_used_at   BIGINT,
    -- Words, separated by blanks.
    scopes         TEXT   COLLATE "C" NOT NULL,
    -- CIDRs, separated by blanks. Empty: anywhere.
    networks       TEXT   COLLATE "C" NOT NULL,
    -- The key that took its place.
    replaced_by    UUID,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, key_hash)
);

CREATE INDEX api_key_of ON api_key (workspace_id, integration_id, seq);
-- Keys that end some day, for those who are to be reminded.
CREATE INDEX api_key_expiry ON api_key (workspace_id, expires_at)
    WHERE expires_at IS NOT NULL AND revoked_at IS NULL;

CREATE TABLE scim_user (
    workspace_id     UUID    NOT NULL,
    id               UUID    NOT NULL,
    -- The revision of the creation, the order of every listing.
    seq              BIGINT  NOT NULL,
    revision         BIGINT  NOT NULL,
    user_name_key    TEXT    COLLATE "C" NOT NULL,
    login_email      TEXT    COLLATE "C",
    login_email_key  TEXT    COLLATE "C",
    -- As the document says it; one that says nothing is of an active person.
    active           BOOLEAN,
    display_name_key TEXT    COLLATE "C",
    -- manager.value of the enterprise extension, in its form for comparison.
    manager_key      TEXT    COLLATE "C",
    -- The identity provider's last word on the person was that they are out. A service lets them in by
    -- no address, be it a new one.
    has_left         BOOLEAN NOT NULL,
    -- Whether nobody ends the person's access.
    protected        BOOLEAN NOT NULL,
    created_at       BIGINT  NOT NULL,
    modified_at      BIGINT  NOT NULL,
    -- The document as SCIM JSON, without id, externalId and meta: the truth.
    document         TEXT    COLLATE "C" NOT NULL,
    -- The same with its text folded and its times as microseconds: for filters.
    search           JSONB   NOT NULL,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT scim_user_seq UNIQUE (workspace_id, seq),
    CONSTRAINT scim_user_name UNIQUE (workspace_id, user_name_key),
    CONSTRAINT scim_user_login UNIQUE (workspace_id, login_email_key)
);

CREATE INDEX scim_user_active ON scim_user (workspace_id, active, seq);
CREATE INDEX scim_user_display_name ON scim_user (workspace_id, display_name_key, seq);
CREATE INDEX scim_user_manager ON scim_user (workspace_id, manager_key, seq);
CREATE INDEX scim_user_created ON scim_user (workspace_id, created_at);
CREATE INDEX scim_user_modified ON scim_user (workspace_id, modified_at);
-- Who waits for the domain of an address to be verified, and others without one.
CREATE INDEX scim_user_without_login ON scim_user (workspace_id, seq) WHERE login_email_key IS NULL;

-- The values of `emails`, in the order of the document.
CREATE TABLE user_email (
    workspace_id UUID   NOT NULL,
    user_id      UUID   NOT NULL,
    ordinal      BIGINT NOT NULL,
    value_key    TEXT   COLLATE "C",
    type_key     TEXT   COLLATE "C",
    PRIMARY KEY (workspace_id, user_id, ordinal)
);

CREATE INDEX user_email_value ON user_email (workspace_id, value_key, type_key);

-- That an integration manages a person.
CREATE TABLE binding (
    workspace_id   UUID NOT NULL,
    user_id        UUID NOT NULL,
    integration_id UUID NOT NULL,
    external_id    TEXT COLLATE "C",
    -- The attributes that the integration has said something of, in alphabetical order, a space
    -- between two.
    provided       TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace_id, user_id)
);

CREATE INDEX binding_external ON binding (workspace_id, integration_id, external_id);

-- Removed people. Their names are free, so nothing of theirs is unique but the id.
CREATE TABLE deleted_user (
    workspace_id    UUID    NOT NULL,
    id              UUID    NOT NULL,
    seq             BIGINT  NOT NULL,
    revision        BIGINT  NOT NULL,
    login_email     TEXT    COLLATE "C",
    login_email_key TEXT    COLLATE "C",
    active          BOOLEAN,
    integration_id  UUID,
    external_id     TEXT    COLLATE "C",
    -- As the binding had it; NULL: there was none.
    provided        TEXT    COLLATE "C",
    has_left        BOOLEAN NOT NULL,
    created_at      BIGINT  NOT NULL,
    modified_at     BIGINT  NOT NULL,
    deleted_at      BIGINT  NOT NULL,
    expires_at      BIGINT  NOT NULL,
    -- The ids of the groups that the person was a member of, as a JSON array.
    member_of       TEXT    COLLATE "C" NOT NULL,
    document        TEXT    COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, seq)
);

-- Across workspaces, because what has expired is cleared by time, whosever it is.
CREATE INDEX deleted_user_expiry ON deleted_user (expires_at);
CREATE INDEX deleted_user_external ON deleted_user (workspace_id, integration_id, external_id);

CREATE TABLE scim_group (
    workspace_id     UUID   NOT NULL,
    id               UUID   NOT NULL,
    -- The revision of the creation, the order of every listing.
    seq              BIGINT NOT NULL,
    revision         BIGINT NOT NULL,
    -- The integration that the group belongs to, and what that calls it.
    integration_id   UUID,
    external_id      TEXT   COLLATE "C",
    display_name     TEXT   COLLATE "C" NOT NULL,
    display_name_key TEXT   COLLATE "C" NOT NULL,
    -- How many rows of group_member the group has.
    member_count     BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    modified_at      BIGINT NOT NULL,
    -- The document as SCIM JSON, without id, externalId, meta and members: the truth.
    document         TEXT   COLLATE "C" NOT NULL,
    -- The same with its text folded and its times as microseconds: for filters.
    search           JSONB  NOT NULL,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT scim_group_seq UNIQUE (workspace_id, seq)
);

-- Equal names alone are no conflict: the identity provider tells its groups apart by their externalIds.
CREATE UNIQUE INDEX scim_group_name ON scim_group
    (workspace_id, integration_id, display_name_key, coalesce(external_id, ''))
    WHERE integration_id IS NOT NULL;
CREATE INDEX scim_group_display_name ON scim_group (workspace_id, display_name_key, seq);
CREATE INDEX scim_group_external ON scim_group (workspace_id, integration_id, external_id);
CREATE INDEX scim_group_created ON scim_group (workspace_id, created_at);
CREATE INDEX scim_group_modified ON scim_group (workspace_id, modified_at);

-- Who belongs to a group directly. The rows of a removed group stay until its tombstone goes; those of
-- a removed member do not.
CREATE TABLE group_member (
    workspace_id UUID NOT NULL,
    group_id     UUID NOT NULL,
    member_id    UUID NOT NULL,
    kind         TEXT COLLATE "C" NOT NULL CHECK (kind IN ('user', 'group')),
    PRIMARY KEY (workspace_id, group_id, member_id)
);

CREATE INDEX group_member_of ON group_member (workspace_id, member_id, group_id, kind);
-- The groups that belong to groups: few, among many people.
CREATE INDEX group_member_nested ON group_member (workspace_id, group_id, member_id) WHERE kind = 'group';

-- Removed groups. Their names are free, so nothing of theirs is unique but the id.
CREATE TABLE deleted_group (
    workspace_id   UUID   NOT NULL,
    id             UUID   NOT NULL,
    seq            BIGINT NOT NULL,
    revision       BIGINT NOT NULL,
    integration_id UUID,
    external_id    TEXT   COLLATE "C",
    created_at     BIGINT NOT NULL,
    modified_at    BIGINT NOT NULL,
    deleted_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    -- The ids of the groups that this one was a member of, as a JSON array.
    member_of      TEXT   COLLATE "C" NOT NULL,
    document       TEXT   COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, seq)
);

-- Across workspaces, because what has expired is cleared by time, whosever it is.
CREATE INDEX deleted_group_expiry ON deleted_group (expires_at);

-- How many people and groups are here, by their place in the order of creation: per 256 seqs (level 1)
-- and per 65,536 (level 2), so that any place in a listing is found, and the total told, without walking.
CREATE TABLE listing_count (
    workspace_id UUID   NOT NULL,
    kind         TEXT   COLLATE "C" NOT NULL CHECK (kind IN ('user', 'group')),
    level        BIGINT NOT NULL CHECK (level IN (1, 2)),
    bucket       BIGINT NOT NULL,
    living       BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, kind, level, bucket)
) WITH (fillfactor = 50);

-- One row for each revision: the feed, and the memory of which operations were done.
CREATE TABLE change (
    workspace_id       UUID   NOT NULL,
    revision           BIGINT NOT NULL,
    operation_id       TEXT   COLLATE "C" NOT NULL,
    -- The author is an integration or a service, never both.
    author_integration UUID,
    author_service     TEXT   COLLATE "C",
    at                 BIGINT NOT NULL,
    kind               TEXT   COLLATE "C" NOT NULL,
    subject            TEXT   COLLATE "C" NOT NULL,
    detail             TEXT   COLLATE "C" NOT NULL,
    -- The subject as it was, until the image's time is over.
    before             TEXT   COLLATE "C",
    -- The person whose access the change ended; NULL: nobody's.
    ended              UUID,
    -- Its place in the feed of all workspaces, given out after it was committed; NULL: not yet.
    position           BIGINT,
    PRIMARY KEY (workspace_id, revision),
    UNIQUE (workspace_id, operation_id)
);

-- What has no place in the feed of all workspaces yet.
CREATE INDEX change_fresh ON change (workspace_id, revision) WHERE position IS NULL;
CREATE INDEX change_ended_of ON change (workspace_id, ended, revision) WHERE ended IS NOT NULL;
CREATE INDEX change_ended ON change (workspace_id, position) WHERE ended IS NOT NULL;
-- Across workspaces, because a service follows all of them, and because the earliest changes of all are
-- cleared first.
CREATE INDEX change_position ON change (position) WHERE position IS NOT NULL;
-- Across workspaces, because a service that follows all of them acknowledges for all.
CREATE INDEX change_ended_all ON change (position) WHERE ended IS NOT NULL;
-- Across workspaces, because images are cleared by time, whosever they are.
CREATE INDEX change_image ON change (at) WHERE before IS NOT NULL;

-- One row: the last place given out, and up to which place everything is cleared. Whoever gives places
-- out has it locked, so that a place that is seen is never followed by a lower one.
CREATE TABLE feed (
    id      BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    last    BIGINT NOT NULL,
    cleared BIGINT NOT NULL
) WITH (fillfactor = 50);

INSERT INTO feed (id, last, cleared) VALUES (1, 0, 0);

-- Who acknowledges what it has done of the feed: a few services.
CREATE TABLE consumer (
    -- The workspace that it follows; the id of zeros: all.
    workspace_id UUID   NOT NULL,
    -- The name of the service caller, and which of the caller's it is.
    caller       TEXT   COLLATE "C" NOT NULL,
    name         TEXT   COLLATE "C" NOT NULL,
    -- Up to where in the feed it has done everything.
    position     BIGINT NOT NULL,
    -- When it said so last.
    seen_at      BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, caller, name)
);

-- Each acknowledgement before which, and behind the one before it, somebody's access had ended.
CREATE TABLE receipt (
    workspace_id UUID   NOT NULL,
    caller       TEXT   COLLATE "C" NOT NULL,
    name         TEXT   COLLATE "C" NOT NULL,
    position     BIGINT NOT NULL,
    at           BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, caller, name, position)
);

-- Every administrative act, for as long as the workspace is here. Rows are only ever added.
CREATE TABLE audit_record (
    workspace_id UUID   NOT NULL,
    -- The revision of the act's write, the order of every list; 0 for the making of the workspace.
    revision     BIGINT NOT NULL,
    at           BIGINT NOT NULL,
    actor        TEXT   COLLATE "C" NOT NULL,
    act          TEXT   COLLATE "C" NOT NULL,
    subject      TEXT   COLLATE "C" NOT NULL,
    -- The subject as it was and as it is then, as JSON.
    before       TEXT   COLLATE "C",
    after        TEXT   COLLATE "C",
    PRIMARY KEY (workspace_id, revision)
);

-- Extension schemas that a workspace registered, in the order in which it did.
CREATE TABLE registered_schema (
    workspace_id UUID   NOT NULL,
    urn          TEXT   COLLATE "C" NOT NULL,
    seq          BIGINT NOT NULL,
    -- What it extends.
    kind         TEXT   COLLATE "C" NOT NULL,
    -- The schema as RFC 7643 section 7 writes it, as it was sent.
    document     TEXT   COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace_id, urn)
);

-- Letters that are owed: each is kept in the transaction of what it tells of, and stays until it was
-- sent or given up.
CREATE TABLE notice (
    workspace_id UUID   NOT NULL,
    -- What it tells of, such as `domain/acme.com/verified/1700000000000000`: one of a name is kept once.
    key          TEXT   COLLATE "C" NOT NULL,
    recipient    TEXT   COLLATE "C" NOT NULL,
    -- The occasion as JSON.
    facts        TEXT   COLLATE "C" NOT NULL,
    created_at   BIGINT NOT NULL,
    attempts     BIGINT NOT NULL,
    -- From when it is to be tried (again); none once it has ended.
    due_at       BIGINT,
    -- Until when nobody else takes it.
    leased_until BIGINT,
    -- When it ended, and how.
    ended_at     BIGINT,
    outcome      TEXT   COLLATE "C" CHECK (outcome IN ('sent', 'gave-up')),
    -- What went wrong last, in words of our own: nothing that a server said.
    last_error   TEXT   COLLATE "C",
    PRIMARY KEY (workspace_id, key),
    CHECK ((due_at IS NULL) = (ended_at IS NOT NULL))
);

-- Across workspaces, because letters are sent in the order in which they are due, whose ever they are.
CREATE INDEX notice_due ON notice (due_at, leased_until, workspace_id, key) WHERE due_at IS NOT NULL;
-- Across workspaces, because they are forgotten by time, whosever they are.
CREATE INDEX notice_ended ON notice (ended_at) WHERE ended_at IS NOT NULL;

-- The addresses that nobody comes in by on their own: whoever had them has left. Kept for as long as
-- the workspace is here, longer than the tombstones.
CREATE TABLE barred_address (
    workspace_id UUID    NOT NULL,
    address_key  TEXT    COLLATE "C" NOT NULL,
    -- Who had it, whether or not anything of them is left.
    user_id      UUID    NOT NULL,
    since        BIGINT  NOT NULL,
    -- An identity provider's word, which services do not overrule; otherwise nobody joins by it.
    is_firm      BOOLEAN NOT NULL,
    PRIMARY KEY (workspace_id, address_key)
);

-- By who had them.
CREATE INDEX barred_address_of ON barred_address (workspace_id, user_id);

-- By what people signed in before, beside the address. The row of a removed person signs in nobody and
-- stays, so that whoever left does not join under another address, until a bar of theirs is lifted.
CREATE TABLE identity (
    workspace_id UUID   NOT NULL,
    issuer       TEXT   COLLATE "C" NOT NULL,
    subject      TEXT   COLLATE "C" NOT NULL,
    user_id      UUID   NOT NULL,
    linked_at    BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, user_id, issuer),
    UNIQUE (workspace_id, issuer, subject)
);

-- Across workspaces, because a sign-in names no workspace.
CREATE INDEX identity_subject ON identity (issuer, subject, workspace_id);

-- Outside addresses that an operator allowed: guests.
CREATE TABLE allowed_address (
    workspace_id UUID   NOT NULL,
    address_key  TEXT   COLLATE "C" NOT NULL,
    -- As the operator wrote it.
    address      TEXT   COLLATE "C" NOT NULL,
    note         TEXT   COLLATE "C" NOT NULL,
    allowed_at   BIGINT NOT NULL,
    allowed_by   TEXT   COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace_id, address_key)
);

-- Across workspaces, because a sign-in names no workspace.
CREATE INDEX allowed_address_login ON allowed_address (address_key, workspace_id);

-- Domains that were not verified when somebody was provisioned with an address of one.
CREATE TABLE refused_domain (
    workspace_id UUID   NOT NULL,
    domain       TEXT   COLLATE "C" NOT NULL,
    count        BIGINT NOT NULL,
    -- A few of the addresses, as a JSON array.
    samples      TEXT   COLLATE "C" NOT NULL,
    first_at     BIGINT NOT NULL,
    last_at      BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, domain)
);

-- What is written to see whether a write is kept.
CREATE TABLE write_probe (
    id    BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    tries BIGINT NOT NULL
);

INSERT INTO write_probe (id, tries) VALUES (1, 0);
