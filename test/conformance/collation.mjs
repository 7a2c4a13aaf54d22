// How ICU orders names, without case: `node collation.mjs FILE`. The file holds a JSON array of pairs
// of names. Prints an array of how the first stands to the second: -1, 0 or 1.
import { readFileSync } from 'node:fs';

const collator = new Intl.Collator('und', { sensitivity: 'accent' });
const pairs = JSON.parse(readFileSync(process.argv[2], 'utf8'));
console.log(JSON.stringify(pairs.map(([one, other]) => Math.sign(collator.compare(one, other)))));
