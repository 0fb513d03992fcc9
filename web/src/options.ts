/** What the server tells the page: it writes these into index.html as attributes of <html>, since no inline script may run. */

export interface Options {
	/** Where uploads are created. Beside the page, so that a path prefix of a proxy holds for both. */
	endpoint: string;
	/** Whether finished files may be downloaded, so whether links lead anywhere. */
	downloads: boolean;
	/** The largest file that the server takes, in bytes; 0: no limit. */
	maxSize: number;
	/** Whether the server asks for a token. */
	auth: boolean;
	/** Where the server says whose a token is, and below which it signs addresses for downloads. Only where it asks for one. */
	whoami: string;
	links: string;
	/** Names what this page keeps in the browser: two servers under one host name must not mix. */
	name: string;
}

export function readOptions(document: Document): Options {
	const { downloads, maxSize, auth } = document.documentElement.dataset;
	const size = Number(maxSize);
	const base = new URL('.', document.baseURI);
	return {
		endpoint: new URL('files/', base).href,
		downloads: downloads !== 'false',
		maxSize: Number.isSafeInteger(size) && size > 0 ? size : 0,
		auth: auth === 'true',
		whoami: new URL('whoami', base).href,
		links: new URL('links/', base).href,
		name: `plateau${base.pathname.replace(/[^a-zA-Z0-9]+/g, '-')}`,
	};
}
