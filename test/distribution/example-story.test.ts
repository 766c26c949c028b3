// The examples of the tools as one story: made-up ids become those that replies told, whatever their kind.
import { describe, expect, it } from 'vitest';
import { Story } from '../../scripts/conformance/example-story.ts';

const MADE_UP = '06d3v8q2k1h7m9p4r5s6t7v8w9';
const TOLD = '01m8q8t7te000g0s3wtx1g28ze';

describe('a story', () => {
  it('fills in the newest id of each kind, at any depth, and the token of the newest lease', () => {
    const story = new Story();
    story.hear({ execution_id: `exec_${MADE_UP}`, leases: [{ job_id: `job_${TOLD}`, lease_token: 7 }] });
    story.hear({ execution_id: `exec_${TOLD}` });
    expect(story.tell({ ids: [`exec_${MADE_UP}`], job: { job_id: `job_${MADE_UP}` }, lease_token: 1 })).toEqual({
      ids: [`exec_${TOLD}`],
      job: { job_id: `job_${TOLD}` },
      lease_token: 7,
    });
  });

  it('leaves what nobody told, and what only looks like an id', () => {
    const story = new Story();
    story.hear({ job_id: `job_${TOLD}`, note: 'exec_ and more' });
    const example = { session_id: `sess_${MADE_UP}`, text: `about job_${MADE_UP}`, lease_token: 1 };
    expect(story.tell(example)).toEqual(example);
  });
});
