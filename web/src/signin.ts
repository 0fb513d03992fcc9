/**
 * Who uses this page, where the server asks for a token.
 *
 * A person is asked once, and the token is kept for this tab: in sessionStorage, which a reload finds again, and which goes when the
 * tab does. Another tab has it only where a person duplicates this one, which copies it. What the page keeps for longer (unfinished uploads, the list of finished ones) it keeps
 * under the owner's name: on a machine that several people use, nobody sees another's files, or goes on with them.
 */

import type { Options } from './options';
import { Token } from './token';
import { TokenForm } from './tokenform';
import { type Whose, whoami } from './whoami';

interface Session {
	token: string;
	owner: string;
}

/** Places are the elements of index.html. The focus goes to status when the form goes. */
export interface Places {
	form: HTMLElement;
	account: HTMLElement;
	status: HTMLElement;
}

/** signIn ends when there is a token that the server has taken once: the one that this tab has, or one that a person gives. */
export async function signIn(options: Options, places: Places, tab: Storage | undefined): Promise<Token> {
	const session = new Kept(tab, `${options.name}:token`);
	const ask = (token: string): Promise<Whose> => whoami(options.whoami, token);
	const form = new TokenForm(places.form, places.status, ask);

	const startAs = (next: Session) => {
		session.write(next);
		location.reload();
	};

	const known = session.read();
	const { token: first, owner } = known ?? (await given(form));
	session.write({ token: first, owner });
	const token = new Token(first, owner, async (value) => {
		const whose = await ask(value);
		// Its owner has another name at the server meanwhile. This page is full of the first one's uploads.
		if (typeof whose === 'object' && whose.owner !== owner && token.header === `Bearer ${value}`) startAs({ token: value, owner: whose.owner });
		return whose;
	});
	token.onChange(() => (token.refused ? form.show() : form.hide()));
	form.accepted = (next, nextOwner) => {
		if (nextOwner !== owner) return startAs({ token: next, owner: nextOwner }); // somebody else
		session.write({ token: next, owner });
		token.renew(next);
	};
	showAccount(places.account, owner, () => {
		session.forget();
		location.reload();
	});
	if (known) void token.check(); // it may have run out while nobody was here
	return token;
}

/** nameFor is the name under which the page keeps what is an owner's. */
export function nameFor(options: Options, token: Token | undefined): string {
	return token ? `${options.name}@${encodeURIComponent(token.owner)}` : options.name;
}

/** showAccount says whose uploads these are. */
function showAccount(root: HTMLElement, owner: string, signOut: () => void): void {
	const name = root.querySelector('.owner');
	if (name) name.textContent = owner;
	root.querySelector('button')?.addEventListener('click', signOut);
	root.hidden = false;
}

/** given is the first token that a person gives. Until then there is no list that files could be dropped on. */
async function given(form: TokenForm): Promise<Session> {
	const refuse = (event: DragEvent) => {
		if (!event.dataTransfer?.types.includes('Files')) return;
		event.preventDefault(); // a browser would leave the page to show the file
		event.dataTransfer.dropEffect = 'none';
	};
	document.addEventListener('dragover', refuse);
	form.show();
	const session = await new Promise<Session>((resolve) => {
		form.accepted = (token, owner) => resolve({ token, owner });
	});
	form.hide();
	document.removeEventListener('dragover', refuse);
	return session;
}

/** Kept is the session as the tab keeps it, if its storage is neither full nor blocked. Without, a reload asks again. */
class Kept {
	constructor(
		private readonly tab: Storage | undefined,
		private readonly key: string,
	) {}

	read(): Session | undefined {
		try {
			const value: unknown = JSON.parse(this.tab?.getItem(this.key) ?? '');
			if (typeof value !== 'object' || value === null) return undefined;
			const { token, owner } = value as Record<string, unknown>;
			return typeof token === 'string' && typeof owner === 'string' ? { token, owner } : undefined;
		} catch {
			return undefined;
		}
	}

	write(session: Session): void {
		try {
			this.tab?.setItem(this.key, JSON.stringify(session));
		} catch {
			this.forget(); // full or blocked; an older one must not stay
		}
	}

	forget(): void {
		try {
			this.tab?.removeItem(this.key);
		} catch {
			// It was not kept either.
		}
	}
}
