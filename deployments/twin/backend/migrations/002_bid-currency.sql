-- Up Migration
-- Expand only: nullable and without a default, so that the version before goes on writing bids without it.
ALTER TABLE bids ADD COLUMN currency text;

-- Down Migration
ALTER TABLE bids DROP COLUMN currency;
