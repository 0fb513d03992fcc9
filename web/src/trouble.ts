/**
 * What an answer means: does it pass, and what is it called?
 *
 * The rules follow what the server says by its statuses and what tus-js-client makes of them (a client that takes a passing
 * trouble for a final one begins a file from zero). Anything unknown passes: trying again costs little, giving up costs an
 * upload.
 */

import type { Failure, Trouble } from './words';

/** Answer is what is known of a request that did not succeed. */
export interface Answer {
	method: string;
	/** 0: no answer came. */
	status: number;
	/** The name of the error that kept the request from being sent. */
	cause?: string | undefined;
	/** The text of the answer. */
	body?: string | undefined;
	/** Whether the server has refused this page's token; undefined where it asks for none. */
	tokenRefused?: boolean | undefined;
	/** How often the file has begun since the server last took a byte of it. */
	begun?: number;
	online: boolean;
}

export type Verdict = { passes: true; trouble: Trouble } | { passes: false; failure: Failure };

/**
 * judge tells apart what passes and what does not. Whatever it is, a device that is offline waits for its network first, and then
 * for a token if there is none.
 */
export function judge(answer: Answer): Verdict {
	const verdict = read(answer);
	if (!verdict.passes) return verdict;
	if (!answer.online) return passes('offline');
	return answer.tokenRefused ? passes('token') : verdict;
}

/**
 * A file that was begun anew so often without a byte of progress is given up: the server forgets at once what it creates, as
 * two servers without a common store do.
 */
const anew = 3;

function read({ method, status, cause, body, tokenRefused, begun = 0 }: Answer): Verdict {
	if (cause === 'NotReadableError') return fails('unreadable');
	if (cause === 'NotFoundError') return fails('gone');
	switch (status) {
		case 0:
			return passes('away');
		case 404:
		case 410:
			// The upload is gone, not the server: the HEAD that follows says so again, and the file begins anew.
			return method === 'POST' || begun > anew ? fails('refused') : passes('forgotten');
		case 408:
		case 409:
			return passes('away');
		case 413:
			return fails(body?.includes('METADATA') ? 'nameTooLong' : 'tooLarge');
		case 423:
			return passes('locked');
		case 429:
			return passes('slow');
		case 431:
			return fails('nameTooLong');
		case 401:
			// Where the page has a token, a person may give it another; here that one may be a newer one already.
			return tokenRefused === undefined ? fails('signIn') : passes('busy');
		case 403:
			return fails(tokenRefused === undefined ? 'signIn' : 'refused');
		case 503:
			return passes('busy');
		case 507:
			return passes('full');
	}
	return status >= 400 && status < 500 ? fails('refused') : passes('away');
}

function passes(trouble: Trouble): Verdict {
	return { passes: true, trouble };
}

function fails(failure: Failure): Verdict {
	return { passes: false, failure };
}
