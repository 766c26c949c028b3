// Owns what a client is told about the server before its first call; under 2 KB, since it is in every context.

export const INSTRUCTIONS = `Durable workflows and a job queue. What is acknowledged with an id survives crashes and restarts, runs at least once, and a completed step never runs again.

How tools combine:
- create_workflow checks a definition (mode preview), or stores a version (mode apply). execute_workflow runs one by name or inline; dry_run shows the plan. enqueue_job runs single units of work.
- Both answer at once with execution_id or job_id, or after wait_ms. Then: wait {ids} for the end; get {id} for status, steps, output, logs, graph; get {id, view: explain} when something is stuck, late or failed: it says why and what is allowed next; control {id, action} to act.
- list finds things (list kind=workflows|executions|jobs|sessions|workers|queues|events); get_system_status is the overview, with since it tells what changed while you were away.

Rules:
- Ids: exec_ execution, job_ job, sess_ session, wf_ workflow version, art_ artifact. Always pass them whole. They work from any client and after a restart.
- Waiting: a timeout of wait is a normal answer and cancels nothing; call it again. Do not poll get in a loop.
- Repeating: give idempotency_key to a call that changes something if you may repeat it; the first result comes back with replayed: true.
- Approvals: a step wait.approval that is meant for a person (by: human) cannot be decided by you. control action=approve asks the person through the client, where it can; else tell the person the execution id.
- Long values are cut (…_preview, truncated: true): get view=output reads them in pieces with cursor.
- Errors say code, place, what was expected, near matches and what to do next.`;
