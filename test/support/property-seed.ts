// Owns that CI is deterministic: property tests use one seed there, and a new one on each run elsewhere, where they may find more.
import fc from 'fast-check';

if (process.env.CI !== undefined) fc.configureGlobal({ seed: 20_261_122 });
