/**
 * Copies a text. On plain http under a host name the browser offers no clipboard; there the text is selected in a field and
 * the browser's old command is tried, and if that fails too, the field stays selected so that Ctrl+C copies it.
 */

/** copy says whether the text is on the clipboard. beside is where the field appears if it is not. */
export async function copy(text: string, beside: HTMLElement): Promise<boolean> {
	try {
		await navigator.clipboard.writeText(text);
		return true;
	} catch {
		return copyByField(text, beside);
	}
}

function copyByField(text: string, beside: HTMLElement): boolean {
	const field = document.createElement('input');
	field.className = 'copy-field';
	field.readOnly = true;
	field.value = text;
	field.setAttribute('aria-label', 'Link');
	beside.before(field);
	field.select();
	let copied = false;
	try {
		copied = document.execCommand('copy');
	} catch {
		// Not allowed either.
	}
	if (copied) {
		field.remove();
		beside.focus();
	} else {
		field.addEventListener('blur', () => field.remove());
	}
	return copied;
}
