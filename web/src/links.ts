/**
 * Addresses for downloads where the server asks for a token, which a link cannot carry: the server signs an address that is
 * valid for a short time. So one is made when it is used, and none is kept.
 */

import type { Token } from './token';

/** A signed address and until when it is valid, or why there is none. */
export type Link = { url: string; expires: Date } | 'token' | 'gone' | 'away';

/** How long the server may take to answer, in milliseconds. */
const patience = 20_000;

/** sign has the server sign an address for the upload at url. It does not wait for another token: the click would be long past. */
export async function sign(url: string, links: string, token: Token): Promise<Link> {
	if (token.refused) return 'token';
	const { header } = token;
	try {
		const id = new URL(url).pathname.split('/').pop() ?? '';
		const answer = await fetch(new URL(id, links), { method: 'POST', headers: { Authorization: header }, signal: AbortSignal.timeout(patience) });
		if (answer.status === 401) {
			token.refuse(header);
			return 'token';
		}
		if (answer.status === 404 || answer.status === 410) return 'gone';
		return answer.ok ? read(await answer.json(), links) : 'away';
	} catch {
		return 'away';
	}
}

function read(said: unknown, base: string): Link {
	const { url, expires } = said as { url?: unknown; expires?: unknown };
	if (typeof url !== 'string' || typeof expires !== 'string') return 'away';
	const address = new URL(url, base);
	const until = new Date(expires);
	if (!/^https?:$/.test(address.protocol) || Number.isNaN(until.getTime())) return 'away';
	return { url: address.href, expires: until };
}

/**
 * open opens an address beside the page, which must stay: uploads run in it. What a browser does not show it downloads. (Asked to
 * download it, a browser would leave the page for a file that the server redirects to another host.)
 */
export function open(url: string): void {
	const a = document.createElement('a');
	a.href = url;
	a.target = '_blank';
	a.rel = 'noopener';
	a.click();
}
