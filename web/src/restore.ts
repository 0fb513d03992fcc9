/**
 * Uploads outlive the page: after a reload, a closed tab or a crashed browser they go on without a click.
 *
 * Golden Retriever keeps names, upload addresses and, up to a limit, the bytes in IndexedDB. A larger file comes back as a
 * "ghost": it knows where it stopped, but must be chosen once more. Golden Retriever alone would ask for a click, and fails
 * the whole batch if there is a ghost in it; so the page confirms by itself, and runs what plan.ts says.
 *
 * Where IndexedDB is missing or full, nothing is kept and uploading works all the same.
 */

import GoldenRetriever from '@uppy/golden-retriever';
import type { Done } from './done';
import { merge, plan } from './plan';
import { run } from './start';
import type { Body, Meta, Page } from './types';

type Files = ReturnType<Page['getState']>['files'];

const MiB = 1024 * 1024;
/** A larger file must be chosen again after a reload. Keeping a file means copying it into the browser's own folder. */
export const maxKept = 1024 * MiB;
const maxKeptInAll = 4096 * MiB;
/** An upload that nobody came back to for a long weekend is forgotten. */
const expires = 4 * 24 * 60 * 60 * 1000;

/**
 * keepAndRestore starts keeping what is uploaded and goes on with what was kept. It ends when everything that will come back
 * is back, or after a while: a slow disk keeps nobody waiting. Files may be added meanwhile. Golden Retriever puts what comes back
 * in the place of the list; what was in it, and may be running, is put back at once.
 */
export async function keepAndRestore(uppy: Page, done: Done): Promise<void> {
	if (typeof indexedDB === 'undefined') return;
	const dormant = new Set<string>();

	const back = new Promise<void>((resolve) => {
		let before = uppy.getState();
		// Only Golden Retriever sets these two and leaves allowNewUpload alone; it tells of it at once.
		const replaced: Parameters<typeof uppy.on<'state-update'>>[1] = (previous, _, patch) => {
			if (patch?.files && patch.recoveredState !== undefined && patch.allowNewUpload === undefined) before = previous;
		};
		uppy.on('state-update', replaced);
		uppy.once('restored', () => {
			uppy.off('state-update', replaced);
			const { files, currentUploads } = uppy.getState();
			const all = merge(before.files, unfinished(files, done.ids()));
			const next = plan(all.back, currentUploads);
			for (const id of next.dormant) dormant.add(id);
			uppy.setState({ files: all.files, currentUploads: { ...before.currentUploads, ...next.currentUploads }, recoveredState: null });
			for (const id of Object.keys(next.currentUploads)) uppy.restore(id).catch(() => {});
			run(uppy, next.fresh);
			resolve();
		});
	});

	const wake = (id: string) => {
		if (dormant.delete(id)) setTimeout(() => run(uppy, [id]));
	};
	uppy.on('upload-pause', (file, paused) => file && !paused && wake(file.id));
	uppy.on('resume-all', () => [...dormant].forEach(wake));
	uppy.on('file-removed', (file) => dormant.delete(file.id));

	const kept = await lookForKept(uppy.getID());
	if (kept === 'refused') return;
	const limits: object = { maxFileSize: maxKept, maxTotalSize: maxKeptInAll }; // passed on as it is, which its type does not know
	uppy.use(GoldenRetriever<Meta, Body>, { expires, indexedDB: limits });
	if (kept === 'something') await Promise.race([back, new Promise((resolve) => setTimeout(resolve, 5000))]);
}

/** unfinished leaves out what was done when the page was left; and all of it if nothing else came back. */
function unfinished(files: Files, done: ReadonlySet<string>): Files {
	const left = Object.entries(files).filter(([id, file]) => file.progress.uploadComplete || !done.has(id));
	return left.every(([, file]) => file.progress.uploadComplete) ? {} : Object.fromEntries(left);
}

/**
 * lookForKept looks whether Golden Retriever will bring anything back, since it does not say when it brings nothing, and whether
 * it may keep anything at all, since it throws if not. Names are those of @uppy/golden-retriever 6.
 */
function lookForKept(storeName: string): Promise<'something' | 'nothing' | 'refused'> {
	return new Promise((resolve) => {
		const no = () => resolve('nothing');
		try {
			const open = indexedDB.open('uppy-blobs');
			let missing = false;
			open.onupgradeneeded = () => {
				missing = true;
				open.transaction?.abort(); // there is none: leave it so
			};
			open.onerror = () => resolve(missing ? 'nothing' : 'refused');
			open.onblocked = no;
			open.onsuccess = () => {
				const db = open.result;
				try {
					const get = db.transaction(['metadata']).objectStore('metadata').get(storeName);
					get.onerror = no;
					get.onsuccess = () => resolve(get.result !== undefined && get.result.expires >= Date.now() ? 'something' : 'nothing');
				} catch {
					no();
				}
				db.close(); // takes effect when the transaction has ended
			};
		} catch {
			resolve('refused');
		}
	});
}
