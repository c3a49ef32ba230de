#!/usr/bin/env node
// The command line, built: `npm run build` makes dist/.
import { main } from '../dist/cli/main.js';

await main(process.argv.slice(2));
