/** Server-sent events, out of text that arrives in pieces. */

export interface ServerEvent {
	readonly name: string;
	readonly data: string;
}

export class Events {
	private rest = '';
	private name = '';
	private data: string[] = [];

	/** feed takes the next piece and returns the events that it completes. */
	feed(piece: string): ServerEvent[] {
		const found: ServerEvent[] = [];
		const lines = (this.rest + piece).split('\n');
		this.rest = lines.pop() ?? '';
		for (const line of lines) {
			const text = line.endsWith('\r') ? line.slice(0, -1) : line;
			if (text === '') {
				if (this.data.length > 0) found.push({ name: this.name || 'message', data: this.data.join('\n') });
				this.name = '';
				this.data = [];
				continue;
			}
			const colon = text.indexOf(':');
			const field = colon < 0 ? text : text.slice(0, colon);
			const value = colon < 0 ? '' : text.slice(colon + 1).replace(/^ /, '');
			if (field === 'event') this.name = value;
			if (field === 'data') this.data.push(value);
		}
		return found;
	}
}
