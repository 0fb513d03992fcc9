/**
 * How a file goes up: @uppy/tus, set so that nothing passing ends an upload and nothing final loops.
 *
 * Each rule was measured against a real browser:
 *   - A HEAD that is answered by anything but 2xx, 404 or 410 is thrown, not returned: tus-js-client would begin the file from
 *     zero on most of them.
 *   - Before each HEAD one byte of the file is read. A file that was changed or deleted on disk otherwise shows up as a network
 *     error, and is tried for ever.
 *   - Retries end after some 40 hours without a byte of progress, and are never more than 15 s apart, so that the return of a
 *     server is noticed soon. The first comes at once.
 *   - The fingerprint of a finished file is forgotten: otherwise other content with the same name, size and date would be
 *     called complete without a byte sent.
 */

import type { Uppy, UppyFile } from '@uppy/core';
import Tus, { type TusBody, type TusOptions } from '@uppy/tus';
import type { Activity } from './activity';
import { judge } from './trouble';
import type { Failure } from './words';

/** Meta is what a file carries to the server: name and type, and its path if it came out of a folder. */
export type Meta = { relativePath?: string | null; [key: string]: unknown };
export type File = UppyFile<Meta, TusBody>;
export type Page = Uppy<Meta, TusBody>;
export type { TusBody as Body };

type Hooks = TusOptions<Meta, TusBody>;
type Request = Parameters<NonNullable<Hooks['onBeforeRequest']>>[0];
type RetryError = Parameters<NonNullable<Hooks['onShouldRetry']>>[0];

export const retryDelays: number[] = [0, 500, 1000, 3000, 5000, 10_000, ...Array<number>(10_000).fill(15_000)];

/** AnswerError stands for an answer to HEAD that must not be taken for "this upload is gone". */
class AnswerError extends Error {
	constructor(readonly status: number) {
		super(`HEAD was answered by ${status}`);
	}
}

/** useTus installs the uploader. failures says why a file was given up, by its id. */
export function useTus(uppy: Page, endpoint: string, activity: Activity, failures: Map<string, Failure>): Tus<Meta, TusBody> {
	const fileOf = new WeakMap<Request, string>();

	const options: TusOptions<Meta, TusBody> = {
		endpoint,
		retryDelays,
		removeFingerprintOnSuccess: true,
		limit: 20,
		async onBeforeRequest(req, file) {
			if (req.getMethod() === 'DELETE') return;
			fileOf.set(req, file.id);
			activity.asks(file.id, Date.now());
			if (req.getMethod() === 'HEAD' && file.data instanceof Blob && file.data.size > 0) {
				activity.breaks(file.id);
				await file.data.slice(0, 1).arrayBuffer();
			}
		},
		onAfterResponse(req, res) {
			const status = res.getStatus();
			const id = fileOf.get(req);
			if (id !== undefined && status >= 200 && status < 300) activity.answered(id, Date.now());
			if (req.getMethod() !== 'HEAD' || (status >= 200 && status < 300)) return;
			if (status !== 404 && status !== 410 && status !== 423) throw new AnswerError(status);
		},
		onShouldRetry(err, attempt, _, next) {
			const answer = answerOf(err);
			const verdict = judge(answer);
			if (answer.method === 'DELETE') return verdict.passes && answer.status !== 404 && answer.status !== 410;
			const id = err.originalRequest ? fileOf.get(err.originalRequest) : undefined;
			if (!verdict.passes) {
				if (id !== undefined) failures.set(id, verdict.failure);
				return false;
			}
			// Uppy knows these three as final; for the rest it must keep its queue.
			const again = [404, 408, 410].includes(answer.status) || next(err);
			if (again && id !== undefined) activity.wait(id, verdict.trouble, retryDelays[attempt] ?? 0, Date.now());
			return again;
		},
	};
	uppy.use(Tus<Meta, TusBody>, options);
	const tus = uppy.getPlugin<Tus<Meta, TusBody>>('Tus');
	if (!tus) throw new Error('the uploader was not installed');

	uppy.on('upload-progress', (file, progress) => {
		if (file) activity.progress(file.id, progress.bytesUploaded || 0, Date.now());
	});
	uppy.on('upload-success', (file) => file && activity.ended(file.id));
	uppy.on('upload-error', (file) => file && activity.ended(file.id));
	uppy.on('upload-pause', (file, paused) => file && paused && activity.ended(file.id));
	uppy.on('file-removed', (file) => activity.ended(file.id));
	uppy.on('pause-all', () => uppy.getFiles().forEach((file) => activity.ended(file.id)));
	return tus;
}

function answerOf(err: RetryError): Parameters<typeof judge>[0] {
	const cause = err.causingError as (Error & { status?: number }) | null | undefined;
	return {
		method: err.originalRequest?.getMethod() ?? '',
		status: err.originalResponse?.getStatus() ?? (cause instanceof AnswerError ? cause.status : 0),
		cause: cause?.name,
		body: err.originalResponse?.getBody(),
		online: navigator.onLine,
	};
}
