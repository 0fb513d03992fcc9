package flags

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
)

// Flags are the settings that change while the server runs.
type Flags struct {
	opts    Options
	table   []flag
	sources []*source // the later wins
	file    *file     // nil: none
	poller  *poller   // nil: none
	kept    *lastGood // nil: none
	now     atomic.Pointer[snapshot]
}

// snapshot is what readers see. It isn't changed after it was published.
type snapshot struct {
	values  Values
	origins []string // by which source, in the table's order
	sources []status
}

// report is how one look at a source ended: with a reading, or nothing new, or an error.
type report struct {
	source  *source
	reading *reading
	err     error
}

// New reads the file, which must be there and make sense; the error says everything that is wrong. It doesn't wait for the
// network: until Run has heard from the server, its last good answer is in force. Changed is called before New returns.
func New(opts Options) (*Flags, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	opts = opts.withDefaults()
	f := &Flags{opts: opts, table: table(opts.Defaults, opts.Bounds)}
	e := evaluator{table: f.table, attributes: opts.Attributes, decryptionKey: opts.DecryptionKey}
	f.now.Store(&snapshot{values: opts.Defaults})
	if opts.File != "" {
		f.file = newFile(opts, e, f.newSource("file", opts.File))
		first, err := f.file.first()
		if err != nil {
			return nil, err
		}
		f.file.source.take(first, opts.Now())
	}
	if opts.Host != "" {
		f.poller = newPoller(opts, e, f.newSource("growthbook", opts.publicHost()))
		f.restore(e)
	}
	f.publish(true)
	return f, nil
}

func (f *Flags) newSource(name, where string) *source {
	s := &source{
		table: f.table,
		trouble: trouble{
			log:    f.opts.Log.With("source", name, "where", where),
			begins: "flags can't be had; the old ones stay", ends: "flags can be had again",
		},
		settings: settings{given: make([]bool, len(f.table))},
		status:   status{Name: name, Where: where},
	}
	f.sources = append(f.sources, s)
	return s
}

// restore takes the server's last good answer, if it was kept.
func (f *Flags) restore(e evaluator) {
	if f.opts.LastGood == "" {
		return
	}
	f.kept = newLastGood(f.opts, f.table)
	r, err := f.kept.read(e)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		f.opts.Log.Warn("the flag server's last good answer can't be used", "file", f.opts.LastGood, "error", err)
	default:
		f.poller.source.restore(r)
	}
}

// Run looks for changes until ctx ends. When it returns nothing of it runs any more, and no connection is open. It may be
// called once.
func (f *Flags) Run(ctx context.Context) {
	reports := make(chan report)
	ctx, stop := context.WithCancel(ctx)
	var looking sync.WaitGroup
	defer looking.Wait()
	defer stop()
	if f.file != nil {
		looking.Go(func() { f.file.run(ctx, reports) })
	}
	if f.poller != nil {
		looking.Go(func() { f.poller.run(ctx, reports) })
	}
	for {
		select {
		case <-ctx.Done():
			return
		case r := <-reports:
			f.accept(r)
		}
	}
}

// Reload has Run read the file and ask the server now. It doesn't wait, may be called at any time, and is remembered if Run is
// busy.
func (f *Flags) Reload() {
	if f.file != nil {
		nudge(f.file.nudged)
	}
	if f.poller != nil {
		nudge(f.poller.nudged)
	}
}

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it was already
	}
}

// Values returns the settings in force. It never waits, and costs a load of a pointer.
func (f *Flags) Values() Values { return f.now.Load().values }

// Each calls do for each flag, always in the same order: true is 1, a level is slog's number.
func (f *Flags) Each(do func(name string, value float64)) {
	values := f.Values()
	for _, flag := range f.table {
		do(flag.name, flag.metric(values))
	}
}

// accept has a report take effect.
func (f *Flags) accept(r report) {
	switch {
	case r.err != nil:
		r.source.fail(r.err, f.opts.Now())
	case r.reading != nil:
		r.source.take(*r.reading, f.opts.Now())
	default:
		r.source.confirm(f.opts.Now())
	}
	f.publish(false)
	if f.kept != nil && r.err == nil && r.source == f.poller.source {
		f.kept.keep(r.source.settings)
	}
	f.opts.Observed(r.source.status.Name, r.err)
}

// publish merges what the sources say, and tells of each change.
func (f *Flags) publish(first bool) {
	next := &snapshot{values: f.opts.Defaults, origins: make([]string, len(f.table))}
	for i := range f.table {
		next.origins[i] = "default"
	}
	for _, s := range f.sources {
		next.sources = append(next.sources, s.status)
		for i, flag := range f.table {
			if s.settings.given[i] {
				flag.copy(&next.values, s.settings.values)
				next.origins[i] = s.status.Name
			}
		}
	}
	f.opts.Adjust(&next.values, func(name string) bool {
		i := slices.IndexFunc(f.table, func(flag flag) bool { return flag.name == name })
		return i >= 0 && next.origins[i] != "default"
	})
	old := f.now.Swap(next)
	if next.values.LogLevel > old.values.LogLevel { // these lines are the last of the finer level
		f.tell(old.values, next)
		f.opts.Changed(next.values)
		return
	}
	if first || next.values != old.values {
		f.opts.Changed(next.values)
	}
	f.tell(old.values, next)
}

func (f *Flags) tell(old Values, next *snapshot) {
	for i, flag := range f.table {
		if flag.show(old) != flag.show(next.values) {
			change := fmt.Sprintf("%s → %s", flag.text(old), flag.text(next.values))
			f.opts.Log.LogAttrs(context.Background(), slog.LevelWarn, "flag changed",
				slog.String("flag", flag.name), slog.String("change", change), slog.String("source", next.origins[i]))
		}
	}
}
