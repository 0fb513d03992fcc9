/** Asks the server whose a token is, which is also how it says whether it takes one. */

/** Whose a token is; that the server does not take it; or that it could not be asked, which says nothing of the token. */
export type Whose = { owner: string } | 'refused' | 'away';

/** How long the server may take to answer, in milliseconds: it may have to ask another for its keys. */
const patience = 20_000;

export async function whoami(address: string, token: string): Promise<Whose> {
	try {
		const answer = await fetch(address, {
			headers: { Authorization: `Bearer ${token}` },
			cache: 'no-store',
			signal: AbortSignal.timeout(patience),
		});
		if (answer.status === 401) return 'refused';
		const said: unknown = await answer.json();
		const owner = answer.ok && typeof said === 'object' && said !== null && 'owner' in said ? said.owner : undefined;
		return typeof owner === 'string' && owner !== '' ? { owner } : 'away';
	} catch {
		return 'away';
	}
}
