// Owns a project on the wire: the short row of lists, and the whole with what it holds.
import type { Json, JsonObject } from '../../src/domain/json.ts';
import { actionsFrom, type Project } from '../../src/domain/project.ts';
import type { ProjectCounts } from '../../src/store/port/projects.ts';
import { clipped, compact, iso, shortText } from './compact.ts';

const MILESTONES_SHOWN = 20;
const MEMBERS_SHOWN = 10;

export function projectRow(project: Project): JsonObject {
  return compact({
    project_id: project.id,
    name: project.name,
    status: project.status,
    template: project.template,
    milestones:
      project.milestones.length === 0 ? undefined : `${project.milestones.filter((one) => one.completedAt !== null).length} of ${project.milestones.length}`,
    created_at: iso(project.createdAt),
    updated_at: iso(project.updatedAt),
  });
}

export function projectToWire(project: Project, counts: ProjectCounts): JsonObject {
  const { milestones, members, quota, plan } = project;
  const runs = Object.fromEntries(Object.entries(counts.executions).filter(([, n]) => n > 0));
  const { completed, failed } = counts.executions;
  return {
    ...projectRow(project),
    ...compact({
      namespace: project.namespace,
      description: project.description === null ? undefined : shortText(project.description),
      status_reason: project.statusReason,
      tags: project.tags.length === 0 ? undefined : project.tags,
      owner: project.owner,
      quota: quota.runs === null && quota.jobs === null ? undefined : compact({ runs: quota.runs, jobs: quota.jobs }),
      workflows: counts.workflows,
      schedules: counts.schedules,
      executions: runs,
      success_rate: completed + failed === 0 ? undefined : Math.round((completed / (completed + failed)) * 1_000) / 1_000,
      open_jobs: counts.openJobs,
      under_way: counts.cascade,
      plan:
        plan === null
          ? undefined
          : plan.steps.slice(0, MILESTONES_SHOWN).map((step) => compact({ workflow: step.workflow, needs: step.needs as Json | undefined })),
      milestones:
        milestones.length === 0
          ? undefined
          : milestones
              .slice(0, MILESTONES_SHOWN)
              .map((one) => compact({ name: shortText(one.name, 100), due: iso(one.due), completed_at: iso(one.completedAt) })),
      members: members.length === 0 ? undefined : members.slice(0, MEMBERS_SHOWN),
      member_count: members.length > MEMBERS_SHOWN ? members.length : undefined,
      revision: project.revision,
    }),
    ...clipped('metrics', Object.keys(project.metrics).length === 0 ? undefined : project.metrics, 1_500),
    allowed_actions: [...new Set([...actionsFrom(project.status), ...(project.status === 'active' ? ['run'] : []), 'cancel', 'update', 'delete'])],
  };
}
