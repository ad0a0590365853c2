-- Up Migration
CREATE TABLE users (
    id uuid PRIMARY KEY,
    email text NOT NULL UNIQUE,
    password_hash text NOT NULL,
    role text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE bids (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id),
    origin text NOT NULL,
    destination text NOT NULL,
    cargo_weight integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX bids_user_id_created_at ON bids (user_id, created_at);

-- Down Migration
DROP TABLE bids;
DROP TABLE users;
