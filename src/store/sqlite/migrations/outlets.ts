// Owns where the outlets of a namespace stand in the log.
export const OUTLETS = `
  CREATE TABLE outlet (ns INTEGER NOT NULL, name TEXT NOT NULL, cursor INTEGER NOT NULL, served_at INTEGER NOT NULL, PRIMARY KEY (ns, name)) STRICT, WITHOUT ROWID;
`;
