/**
 * Takes a removed file's bytes off the server.
 *
 * @uppy/tus does so for an upload that runs. One that failed, or was paused or remembered from an earlier visit, has no
 * uploader any more; without this its bytes would lie on the server until they expire.
 */

import type Tus from '@uppy/tus';
import type { Body, Meta, Page } from './upload';

export function forgetRemoved(uppy: Page, tus: Tus<Meta, Body>): void {
	const cancelled = new Set<string>();

	// Both listeners were added before those of any single upload, so they still see who is running.
	uppy.on('cancel-all', () => {
		for (const [id, uploader] of Object.entries(tus.uploaders)) if (uploader) cancelled.add(id);
	});
	uppy.on('file-removed', (file) => {
		const runs = cancelled.delete(file.id) || tus.uploaders[file.id];
		const url = file.tus?.uploadUrl;
		if (runs || !url || file.progress.uploadComplete) return;
		// A server that is away keeps the upload until it expires: nobody has to wait for this.
		fetch(url, { method: 'DELETE', headers: { 'Tus-Resumable': '1.0.0' }, keepalive: true }).catch(() => {});
	});
}
