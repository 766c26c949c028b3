// Owns the version that this program says it is; a test holds it to package.json.
export const VERSION = '0.1.0';
