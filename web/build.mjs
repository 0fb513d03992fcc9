// Builds the pages into dist, or with "test" the unit tests into a folder that git does not see.
//
// The upload page is dist itself, the operator's page its folder operator. Names carry a hash of the content, so the server lets
// browsers keep them for ever; index.html alone keeps its name. It is written last: a folder without it counts as not built.

import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));
const dist = join(here, 'dist');

if (process.argv[2] === 'test') {
	const out = join(here, 'node_modules', '.plateau-test');
	await rm(out, { recursive: true, force: true });
	const tests = (await readdir(join(here, 'test'))).filter((name) => name.endsWith('.test.ts'));
	await build({
		entryPoints: tests.map((name) => join(here, 'test', name)),
		outdir: out,
		bundle: true,
		platform: 'node',
		format: 'esm',
		outExtension: { '.js': '.mjs' },
		external: ['@uppy/*', '*.css'],
		logLevel: 'warning',
	});
} else {
	await buildPage(join(here, 'src', 'operator'), join(dist, 'operator'), []);
	await buildPage(join(here, 'src'), dist, ['.keep', 'operator']); // last: make looks for its index.html
}

/** buildPage builds the page whose sources are in src into out, and removes what else is there, save what is to be kept. */
async function buildPage(src, out, keep) {
	const index = join(out, 'index.html');
	let built;
	try {
		built = await build({
			entryPoints: { page: join(src, 'main.ts'), icon: join(here, 'src', 'icon.svg') },
			outdir: join(out, 'assets'),
			entryNames: '[name]-[hash]',
			bundle: true,
			format: 'esm',
			target: ['es2022', 'chrome123', 'firefox121', 'safari17.5'],
			minify: true,
			legalComments: 'none',
			loader: { '.svg': 'copy' },
			write: false,
			logLevel: 'warning',
		});
	} catch (err) {
		await rm(index, { force: true });
		throw err;
	}
	const names = built.outputFiles.map((file) => basename(file.path));
	const asset = (start, end) => {
		const found = names.filter((name) => name.startsWith(start) && name.endsWith(end));
		if (found.length !== 1) throw new Error(`expected one ${start}…${end}, built ${names.join(', ')}`);
		return `assets/${found[0]}`;
	};
	const html = (await readFile(join(src, 'index.html'), 'utf8'))
		.replace('%icon%', asset('icon-', '.svg'))
		.replace('%css%', asset('page-', '.css'))
		.replace('%js%', asset('page-', '.js'));

	await rm(index, { force: true });
	await mkdir(join(out, 'assets'), { recursive: true });
	for (const name of await readdir(out)) if (name !== 'assets' && !keep.includes(name)) await rm(join(out, name), { recursive: true });
	for (const name of await readdir(join(out, 'assets'))) if (!names.includes(name)) await rm(join(out, 'assets', name), { recursive: true });
	for (const file of built.outputFiles) await writeFile(file.path, file.contents);
	await writeFile(index, html);
}
