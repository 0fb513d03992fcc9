/**
 * What is done before and after each request of an upload, so that nothing passing ends it and nothing final loops.
 *
 * Each rule was measured against a real browser:
 *   - A HEAD that is answered by anything but 2xx, 404 or 410 is thrown, not returned: tus-js-client would begin the file from
 *     zero on most of them.
 *   - Before each HEAD one byte of the file is read. A file that was changed or deleted on disk otherwise shows up as a network
 *     error, and is tried for ever.
 *   - Retries end after some 40 hours without a byte of progress, and are never more than 15 s apart, so that the return of a
 *     server is noticed soon. The first comes at once.
 *   - An upload that the server no longer knows begins anew, but not for ever: see trouble.ts.
 *   - Where the server asks for a token, every request carries the newest. While that is refused none is sent. HEAD then hears
 *     423, so that clients keep their uploads; it has other causes, too, so the page asks which it is.
 */

import type { TusBody, TusOptions } from '@uppy/tus';
import type { Activity } from './activity';
import type { Token } from './token';
import { judge } from './trouble';
import type { Meta } from './types';
import type { Failure } from './words';

type Hooks = Required<Pick<TusOptions<Meta, TusBody>, 'onBeforeRequest' | 'onAfterResponse' | 'onShouldRetry'>>;
type Request = Parameters<Hooks['onBeforeRequest']>[0];
type RetryError = Parameters<Hooks['onShouldRetry']>[0];

export const retryDelays: number[] = [0, 500, 1000, 3000, 5000, 10_000, ...Array<number>(10_000).fill(15_000)];

/** AnswerError stands for an answer to HEAD that must not be taken for "this upload is gone". */
class AnswerError extends Error {
	constructor(readonly status: number) {
		super(`HEAD was answered by ${status}`);
	}
}

/**
 * hooks tells activity what the requests do. failures says why a file was given up, by its id. wanted says whether a file is still
 * to go up: it may have been removed or paused. What waits for a token is restarted by upload.ts when there
 * is one.
 */
export function hooks(activity: Activity, failures: Map<string, Failure>, wanted: (id: string) => boolean, token?: Token): Hooks {
	const fileOf = new WeakMap<Request, string>();
	/** How often a file has begun since the server last took a byte of it. */
	const begun = new Map<string, number>();

	return {
		async onBeforeRequest(req, file) {
			if (req.getMethod() === 'DELETE') {
				await token?.usable();
				if (token) req.setHeader('Authorization', token.header);
				return;
			}
			fileOf.set(req, file.id);
			if (token?.refused) {
				activity.wait(file.id, 'token', 0, Date.now());
				await new Promise<never>(() => {});
			}
			activity.asks(file.id, Date.now());
			if (req.getMethod() === 'HEAD' && file.data instanceof Blob && file.data.size > 0) {
				activity.breaks(file.id);
				await file.data.slice(0, 1).arrayBuffer();
				// tus-js-client would send what was called off meanwhile, and begin a cancelled upload anew.
				if (!wanted(file.id)) throw new Error('called off');
			}
			if (token) req.setHeader('Authorization', token.header);
		},
		async onAfterResponse(req, res) {
			const status = res.getStatus();
			if (status === 401) token?.refuse(req.getHeader('Authorization') ?? '');
			if (status === 423 && req.getMethod() === 'HEAD') await token?.check();
			const good = status >= 200 && status < 300;
			const id = fileOf.get(req);
			if (id !== undefined && good) {
				activity.answered(id, Date.now());
				if (req.getMethod() === 'POST') begun.set(id, (begun.get(id) ?? 0) + 1);
				else if (Number(res.getHeader('Upload-Offset')) > 0) begun.delete(id);
			}
			if (req.getMethod() !== 'HEAD' || good) return;
			if (status !== 404 && status !== 410 && status !== 423) throw new AnswerError(status);
		},
		onShouldRetry(err, attempt, _, next) {
			const id = err.originalRequest ? fileOf.get(err.originalRequest) : undefined;
			const answer = { ...answerOf(err, id === undefined ? 0 : (begun.get(id) ?? 0)), tokenRefused: token?.refused };
			const verdict = judge(answer);
			if (answer.method === 'DELETE') {
				// Without an answer and a cause Uppy itself has held it back, and always will: see forget.ts.
				const held = answer.status === 0 && !err.causingError;
				return !held && verdict.passes && answer.status !== 404 && answer.status !== 410;
			}
			if (!verdict.passes) {
				if (id !== undefined) {
					failures.set(id, verdict.failure);
					begun.delete(id); // whoever retries may begin as often again
				}
				return false;
			}
			// Uppy knows these as final; for the rest it must keep its queue.
			const again = [401, 404, 408, 410].includes(answer.status) || next(err);
			if (again && id !== undefined) activity.wait(id, verdict.trouble, retryDelays[attempt] ?? 0, Date.now());
			return again;
		},
	};
}

function answerOf(err: RetryError, begun: number): Parameters<typeof judge>[0] {
	const cause = err.causingError as (Error & { status?: number }) | null | undefined;
	return {
		method: err.originalRequest?.getMethod() ?? '',
		status: err.originalResponse?.getStatus() ?? (cause instanceof AnswerError ? cause.status : 0),
		cause: cause?.name,
		body: err.originalResponse?.getBody(),
		begun,
		online: navigator.onLine,
	};
}
