// Before `npm run build`: a change that was pulled may need packages that are not installed yet.
import { ensureInstalled } from './tools.mjs';

await ensureInstalled();
