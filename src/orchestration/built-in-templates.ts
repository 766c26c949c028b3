// Owns the templates that are there from the start: workflows that run with what this program brings, agents, people and the web.
import type { ProjectTemplate } from './project-template.ts';

export const BUILT_IN_TEMPLATES: Readonly<Record<string, ProjectTemplate>> = {
  ai_analysis: {
    description: 'Worker agents analyse documents one by one; their findings become a report that a person approves.',
    parameters: {
      question: { description: 'What each document is analysed for.', default: 'the most important findings' },
      capability: { description: 'What a worker agent must offer.', default: 'analysis' },
      at_once: { description: 'Documents that are analysed at once.', default: 4 },
    },
    content: {
      description: 'Analysis of documents by worker agents.',
      workflows: [
        {
          name: 'analyse',
          input: { type: 'object', properties: { documents: { type: 'array', items: { type: 'string' }, minItems: 1 } }, required: ['documents'] },
          steps: [
            {
              id: 'read',
              forEach: '${{ input.documents }}',
              maxParallel: '<<at_once>>',
              task: 'agent.task',
              requires: ['<<capability>>'],
              with: { prompt: 'Analyse this document for <<question>>.', context: { document: '${{ item }}' } },
              output: { type: 'object', properties: { findings: { type: 'array', items: { type: 'string' } } }, required: ['findings'] },
            },
          ],
          output: { findings: '${{ flatten(steps.read.output.map(one, one.findings)) }}' },
        },
        {
          name: 'report',
          input: { type: 'object', properties: { findings: { type: 'array', items: { type: 'string' } } }, required: ['findings'] },
          steps: [
            { id: 'lines', forEach: '${{ input.findings }}', task: 'transform', with: { value: '- ${{ item }}' } },
            {
              id: 'write',
              needs: ['lines'],
              task: 'transform',
              artifact: 'report.md',
              with: { value: '# Findings\n\n${{ join(steps.lines.output, "\\n") }}\n' },
            },
            {
              id: 'approve',
              needs: ['write'],
              task: 'wait.approval',
              with: { message: 'Publish the report with ${{ size(input.findings) }} findings?', by: 'human' },
            },
          ],
          output: { approved: '${{ steps.approve.output.approved }}', report: '${{ steps.write.output.artifact.id }}' },
        },
      ],
      schedules: [],
      milestones: ['documents analysed', 'report approved'],
      plan: {
        input: { type: 'object', properties: { documents: { type: 'array', items: { type: 'string' }, minItems: 1 } }, required: ['documents'] },
        steps: [
          { workflow: 'analyse', input: { documents: '${{ input.documents }}' } },
          { workflow: 'report', needs: ['analyse'], input: { findings: '${{ steps.analyse.output.findings }}' } },
        ],
        output: '${{ steps.report.output }}',
      },
    },
  },
  web_application: {
    description: 'Releases of a web application: an agent builds, a person approves, an agent deploys, the site is checked; and a check every few minutes.',
    parameters: {
      url: { description: 'Address that answers when the application is well, for example https://example.org/health.' },
      every: { description: 'Time between two checks.', default: '5m' },
      build_capability: { description: 'What the agent that builds must offer.', default: 'build' },
      deploy_capability: { description: 'What the agent that deploys must offer.', default: 'deploy' },
    },
    content: {
      description: 'Builds, releases and watches a web application.',
      workflows: [
        {
          name: 'check',
          steps: [{ id: 'answers', task: 'http.request', with: { url: '<<url>>' }, timeout: '30s', retry: { maxAttempts: 3, initialInterval: '2s' } }],
          output: { status: '${{ steps.answers.output.status }}' },
        },
        {
          name: 'release',
          input: { type: 'object', properties: { version: { type: 'string', minLength: 1 } }, required: ['version'] },
          concurrency: { key: 'release', limit: 1 },
          steps: [
            { id: 'build', task: 'agent.task', requires: ['<<build_capability>>'], with: { prompt: 'Build and test version ${{ input.version }}.' } },
            { id: 'approve', needs: ['build'], task: 'wait.approval', with: { message: 'Deploy version ${{ input.version }}?', by: 'human' } },
            {
              id: 'deploy',
              needs: ['approve'],
              if: '${{ steps.approve.output.approved }}',
              task: 'agent.task',
              requires: ['<<deploy_capability>>'],
              with: { prompt: 'Deploy version ${{ input.version }}.' },
              compensate: { task: 'log', with: { message: 'Version ${{ input.version }} failed its check after the deploy: roll it back.' } },
            },
            { id: 'verify', needs: ['deploy'], task: 'workflow.run', with: { workflow: 'check', input: {} } },
          ],
          output: { approved: '${{ steps.approve.output.approved }}' },
        },
      ],
      schedules: [{ name: 'uptime', rule: { kind: 'recurring', every: '<<every>>' }, target: { workflow: 'check' }, pause_on_failure: null }],
      milestones: ['first release', 'a week without a failed check'],
      plan: {
        input: { type: 'object', properties: { version: { type: 'string', minLength: 1 } }, required: ['version'] },
        steps: [{ workflow: 'release', input: { version: '${{ input.version }}' } }],
        output: '${{ steps.release.output }}',
      },
    },
  },
  data_pipeline: {
    description: 'Fetches records from the web, cleans and counts them, keeps the result as an artifact; each night, or when asked.',
    parameters: {
      source: { description: 'Address of a JSON list of records.' },
      key: { description: 'Field without which a record is dropped.', default: 'id' },
      schedule: { description: 'Cron expression of the nightly run.', default: '0 2 * * *' },
      timezone: { description: 'Time zone of the schedule.', default: 'UTC' },
    },
    content: {
      description: 'Extract, transform and load records.',
      workflows: [
        {
          name: 'extract',
          steps: [{ id: 'fetch', task: 'http.request', with: { url: '<<source>>' }, timeout: '1m', retry: { maxAttempts: 5, initialInterval: '1s' } }],
          output: { records: '${{ steps.fetch.output.body }}' },
        },
        {
          name: 'transform',
          input: { type: 'object', properties: { records: { type: 'array' } }, required: ['records'] },
          steps: [
            {
              id: 'clean',
              task: 'code.run',
              with: {
                input: '${{ input.records }}',
                code: 'const seen = new Set(); return input.filter((record) => { const key = record["<<key>>"]; if (key === undefined || key === null || seen.has(key)) return false; seen.add(key); return true; });',
              },
            },
          ],
          output: { records: '${{ steps.clean.output }}', dropped: '${{ size(input.records) - size(steps.clean.output) }}' },
        },
        {
          name: 'load',
          input: { type: 'object', properties: { records: { type: 'array' } }, required: ['records'] },
          steps: [{ id: 'keep', task: 'transform', artifact: 'records.json', with: { value: '${{ input.records }}' } }],
          output: { artifact: '${{ steps.keep.output.artifact.id }}', count: '${{ size(input.records) }}' },
        },
      ],
      schedules: [
        {
          name: 'nightly',
          rule: { kind: 'cron', expression: '<<schedule>>', timezone: '<<timezone>>' },
          target: { workflow: 'plan' },
          pause_on_failure: 3,
        },
      ],
      milestones: ['first complete run', 'first nightly run'],
      plan: {
        steps: [
          { workflow: 'extract' },
          { workflow: 'transform', needs: ['extract'], input: { records: '${{ steps.extract.output.records }}' } },
          { workflow: 'load', needs: ['transform'], input: { records: '${{ steps.transform.output.records }}' } },
        ],
        output: '${{ steps.load.output }}',
      },
    },
  },
};
