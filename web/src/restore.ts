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
import { plan } from './plan';
import { retry } from './start';
import type { Body, Meta, Page } from './upload';

const MiB = 1024 * 1024;
/** A larger file must be chosen again after a reload. Keeping a file means copying it into the browser's own folder. */
export const maxKept = 1024 * MiB;
const maxKeptInAll = 4096 * MiB;
/** An upload that nobody came back to for a long weekend is forgotten. */
const expires = 4 * 24 * 60 * 60 * 1000;

/**
 * keepAndRestore starts keeping what is uploaded and goes on with what was kept. It ends when everything that will come back
 * is back, and must end before the first file is added: what comes back replaces the list.
 */
export async function keepAndRestore(uppy: Page): Promise<void> {
	if (typeof indexedDB === 'undefined') return;
	const dormant = new Set<string>();

	const back = new Promise<void>((resolve) => {
		uppy.once('restored', () => {
			const { currentUploads } = uppy.getState();
			const next = plan(uppy.getFiles(), currentUploads);
			for (const id of next.dormant) dormant.add(id);
			uppy.setState({ currentUploads: next.currentUploads, recoveredState: null });
			for (const id of Object.keys(next.currentUploads)) uppy.restore(id).catch(() => {});
			for (const id of next.fresh) retry(uppy, id);
			resolve();
		});
	});

	const wake = (id: string) => {
		if (dormant.delete(id)) setTimeout(() => retry(uppy, id));
	};
	uppy.on('upload-pause', (file, paused) => file && !paused && wake(file.id));
	uppy.on('resume-all', () => [...dormant].forEach(wake));
	uppy.on('file-removed', (file) => dormant.delete(file.id));

	const kept = await somethingIsKept(uppy.getID());
	const limits: object = { maxFileSize: maxKept, maxTotalSize: maxKeptInAll }; // passed on as it is, which its type does not know
	uppy.use(GoldenRetriever<Meta, Body>, { expires, indexedDB: limits });
	if (kept) await Promise.race([back, new Promise((resolve) => setTimeout(resolve, 5000))]);
}

/**
 * somethingIsKept looks whether Golden Retriever will bring anything back, since it does not say when it brings nothing. Names
 * are those of @uppy/golden-retriever 6.
 */
function somethingIsKept(storeName: string): Promise<boolean> {
	return new Promise((resolve) => {
		const no = () => resolve(false);
		try {
			const open = indexedDB.open('uppy-blobs');
			open.onupgradeneeded = () => open.transaction?.abort(); // there is none: leave it so
			open.onerror = no;
			open.onblocked = no;
			open.onsuccess = () => {
				const db = open.result;
				try {
					const get = db.transaction(['metadata']).objectStore('metadata').get(storeName);
					get.onerror = no;
					get.onsuccess = () => resolve(get.result !== undefined && get.result.expires >= Date.now());
				} catch {
					no();
				}
				db.close(); // takes effect when the transaction has ended
			};
		} catch {
			no();
		}
	});
}
