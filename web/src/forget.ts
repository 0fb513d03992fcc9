/**
 * Takes a removed file's bytes off the server.
 *
 * @uppy/tus does so for an upload that runs. One that failed, or was paused or remembered from an earlier visit, has no
 * uploader any more, and of one that waits for its next try Uppy holds every request back, this one too. Without this its bytes
 * would lie on the server until they expire.
 */

import type Tus from '@uppy/tus';
import type { Token } from './token';
import type { Body, Meta, Page } from './types';

type Uploader = NonNullable<Tus<Meta, Body>['uploaders'][string]>;

export function forgetRemoved(uppy: Page, tus: Pick<Tus<Meta, Body>, 'uploaders'>, token?: Token): void {
	const cancelled = new Set<string>();

	// Both listeners were added before those of any single upload, so they still see who is running.
	uppy.on('cancel-all', () => {
		for (const [id, uploader] of Object.entries(tus.uploaders)) {
			if (!uploader) continue;
			cancelled.add(id);
			calm(uploader, token);
		}
	});
	uppy.on('file-removed', (file) => {
		const uploader = tus.uploaders[file.id];
		if (uploader) calm(uploader, token);
		const runs = cancelled.delete(file.id) || uploader;
		const url = file.tus?.uploadUrl;
		if (runs || !url || file.progress.uploadComplete) return;
		forget(url, token);
	});
}

/** forget asks once: a server that is away keeps the upload until it expires, and nobody has to wait for that. */
function forget(url: string, token: Token | undefined): void {
	const ask = () => {
		const authorization: Record<string, string> = token ? { Authorization: token.header } : {};
		fetch(url, { method: 'DELETE', headers: { 'Tus-Resumable': '1.0.0', ...authorization }, keepalive: true }).catch(() => {});
	};
	if (token?.refused) void token.usable().then(ask);
	else ask(); // at once: the page may be going away
}

/**
 * calm lets an upload be cancelled that waits, or that the server has no more: @uppy/tus would leave what its DELETE hears as an
 * unhandled rejection.
 */
function calm(uploader: Uploader, token: Token | undefined): void {
	const abort = uploader.abort.bind(uploader);
	uploader.abort = (terminate) =>
		abort(terminate).catch((err: { originalResponse?: unknown }) => {
			if (terminate && uploader.url && !err.originalResponse) forget(uploader.url, token);
		});
}
