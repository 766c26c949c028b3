// Owns projects: their rows, the runs that a pause of theirs holds, their archives and templates; runs are found by the first part of their name.
export const PROJECTS = `
  CREATE TABLE project (num INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, ns INTEGER NOT NULL, name TEXT NOT NULL, status INTEGER NOT NULL, revision INTEGER NOT NULL,
    max_runs INTEGER, max_jobs INTEGER, cascade TEXT, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, data TEXT NOT NULL, UNIQUE (ns, name)) STRICT;
  CREATE INDEX project_cascade ON project (num) WHERE cascade IS NOT NULL;
  CREATE TABLE project_held (project INTEGER NOT NULL, kind INTEGER NOT NULL, num INTEGER NOT NULL, PRIMARY KEY (project, kind, num)) STRICT, WITHOUT ROWID;
  CREATE TABLE project_member (session TEXT PRIMARY KEY, project INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX project_member_of ON project_member (project);
  CREATE TABLE project_archive (project INTEGER PRIMARY KEY, content BLOB NOT NULL, created_at INTEGER NOT NULL) STRICT;
  CREATE TABLE project_template (ns INTEGER NOT NULL, name TEXT NOT NULL, content TEXT NOT NULL, created_at INTEGER NOT NULL, PRIMARY KEY (ns, name)) STRICT, WITHOUT ROWID;
  CREATE INDEX execution_project ON execution (ns, workflow, num) WHERE instr(workflow, '.') > 0;
`;
