-- Addresses as people write them. A number such as 0x401000 may stand anywhere in a query.

-- An address as text, 0x… in lower case; null for null. For bytes, use to_hex().
-- @argument address The address, a UBIGINT.
CREATE MACRO hex(address) AS format('0x{:x}', address::UBIGINT);
