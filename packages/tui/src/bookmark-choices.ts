/** Bookmarks as a list to choose from. */
import { addBookmark, type Bookmark, bookmarksPath, readBookmarks } from './bookmarks.ts';
import { formatCount, harmless, left } from './line.ts';
import { type Choice, tell, type WalkState } from './walk-state.ts';
import type { World } from './world.ts';

const NAME_COLUMNS = 24;
/** What the place of the cursor is called among those that have a name. */
const HERE = '(here)';

export function keepBookmark(world: World, state: WalkState, typed: string): WalkState {
  const { vcpu, seq, index, pc } = state.position;
  const name = typed || world.names.place(pc);
  addBookmark(world.trace.directory, { name, vcpu, seq, index });
  return tell(
    state,
    `"${harmless(name)}" is kept in ${harmless(bookmarksPath(world.trace.directory))}.`,
    'good',
  );
}

function choiceOf({ name, vcpu, seq, index }: Bookmark): Choice {
  const at = `${vcpu}:${formatCount(seq)}${index === 0 ? '' : `:${index}`}`;
  return { text: `${left(harmless(name), NAME_COLUMNS)}  ${at}`, to: { vcpu, seq, index } };
}

export function bookmarkChoices(world: World, state: WalkState): WalkState {
  const bookmarks = readBookmarks(world.trace.directory);
  if (bookmarks.length === 0) return tell(state, 'No place has a name yet: m gives it one.');
  const head = `${bookmarks.length} in ${harmless(bookmarksPath(world.trace.directory))}`;
  const { vcpu, seq, index } = state.position;
  const here = { name: HERE, vcpu, seq, index };
  const items = [...bookmarks, here].map(choiceOf);
  return {
    ...state,
    screen: 'choices',
    choices: { title: 'Bookmarks', head, items, selected: 0 },
  };
}
