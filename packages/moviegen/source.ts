// The command line from source, for work on it: `npm run moviegen -- doctor`. What users install is bin/moviegen.js,
// built.

import { main } from './src/cli/main.ts';

await main(process.argv.slice(2));
