/**
 * Files may be dropped anywhere on the page. A browser otherwise leaves the page to show a file that misses the box, and the
 * uploads with it.
 */

import { getDroppedFiles } from '@uppy/core/utils';
import type { Board } from './dashboard';

export function dropAnywhere(board: Board): void {
	const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
	const highlight = (on: boolean) => board.setPluginState({ isDraggingOver: on });

	// What falls into the box is the Dashboard's own: its handlers keep those events to themselves.
	document.addEventListener('dragover', (event) => {
		if (!hasFiles(event)) return;
		event.preventDefault();
		highlight(true);
	});
	document.addEventListener('dragleave', (event) => {
		if (event.relatedTarget === null) highlight(false);
	});
	document.addEventListener('drop', (event) => {
		if (!hasFiles(event) || !event.dataTransfer) return;
		event.preventDefault();
		highlight(false);
		void getDroppedFiles(event.dataTransfer).then((files) => board.addFiles(files));
	});
}
