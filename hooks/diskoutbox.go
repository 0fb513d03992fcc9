package hooks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
)

// The folders in an outbox's folder.
const (
	pendingFolder = "pending"
	deadFolder    = "dead"
)

// DiskOutboxOptions are what a DiskOutbox needs. The zero value of a field with
// a default means the default.
type DiskOutboxOptions struct {
	// Dir is the outbox's folder; it is made if it is missing. Required.
	Dir string
	// Records is the folder with the uploads' records, "<id>.info". On the same
	// file system as Dir, an entry costs no copy. Required.
	Records string
	// Durable says that entries survive a power cut. Without it they survive only
	// the end of the process.
	Durable bool
	// Window is how many names of waiting entries are kept in memory, about 80
	// bytes each; twice as many while they are looked for. When more wait in one
	// minute, its folder is read once for each window. Default 65,536.
	Window int
	// Rescan is how often the folders are looked through for entries that another
	// process put there: an operator. Default 10 s.
	Rescan time.Duration
	// Now is the clock that claims end by. Default: time.Now.
	Now func() time.Time
	// Buried is called for each entry that is buried because it can't be read.
	Buried func()
	// Log hears of these. Default: nothing.
	Log *slog.Logger

	calls diskCalls // for tests: calls that fail
}

// Validate reports everything that is wrong with the options.
func (o DiskOutboxOptions) Validate() error {
	var errs []error
	if o.Dir == "" {
		errs = append(errs, errors.New("outbox: Dir is empty"))
	}
	if o.Records == "" {
		errs = append(errs, errors.New("outbox: Records is empty"))
	}
	if o.Window < 0 || o.Rescan < 0 {
		errs = append(errs, errors.New("outbox: a count or duration is negative"))
	}
	return errors.Join(errs...)
}

func (o DiskOutboxOptions) withDefaults() DiskOutboxOptions {
	if o.Window == 0 {
		o.Window = 65_536
	}
	if o.Rescan == 0 {
		o.Rescan = 10 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Buried == nil {
		o.Buried = func() {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.calls = o.calls.withDefaults()
	return o
}

// DiskOutbox is an Outbox in a folder; see the package's doc for its format and
// for what a crash leaves. Claims live in memory: all relays that work over the
// folder must share one DiskOutbox. Other processes may add entries meanwhile.
type DiskOutbox struct {
	opts    DiskOutboxOptions
	calls   diskCalls
	records *os.File // folders, as are the next two
	pending *os.File
	dead    *os.File

	minutes     minuteFolders
	pendingSync *groupSync // of the names of the minutes' folders
	deadSync    *groupSync
	broken      atomic.Pointer[error] // the first fsync that failed

	// names is held shared by who changes one entry's name, and alone by who
	// looks at a folder as a whole, or puts another record under a name.
	names sync.RWMutex

	scanning   sync.Mutex // one scan at a time
	unreadable []string   // keys of folders that were said to be; guarded by scanning
	queue      queue
	tally      tally
	arrived    chan struct{}
	low        chan struct{} // gets a value when the window should be filled again

	stop    context.CancelFunc
	running sync.WaitGroup // housekeeping, and every fsync
}

// OpenDiskOutbox opens the outbox in a folder. It takes the same time however
// many entries wait.
func OpenDiskOutbox(opts DiskOutboxOptions) (*DiskOutbox, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	opts = opts.withDefaults()
	o := &DiskOutbox{opts: opts, calls: opts.calls, arrived: make(chan struct{}, 1), low: make(chan struct{}, 1)}
	o.queue.init(opts.Window)
	folders := []struct {
		name string
		into **os.File
	}{
		{opts.Records, &o.records},
		{filepath.Join(opts.Dir, pendingFolder), &o.pending},
		{filepath.Join(opts.Dir, deadFolder), &o.dead},
	}
	for _, f := range folders {
		err := os.MkdirAll(f.name, 0o777)
		if err == nil {
			*f.into, err = os.Open(f.name)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open the outbox: %w", err), o.closeFiles())
		}
	}
	o.minutes.init(o)
	o.pendingSync = &groupSync{outbox: o, dir: o.pending}
	o.deadSync = &groupSync{outbox: o, dir: o.dead}
	if opts.Durable {
		// The names of the folders themselves.
		for _, name := range []string{opts.Dir, filepath.Dir(filepath.Clean(opts.Dir))} {
			if err := o.syncNamed(name); err != nil {
				return nil, errors.Join(fmt.Errorf("open the outbox: %w", err), o.closeFiles())
			}
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	o.stop = stop
	o.running.Go(func() { o.keepHouse(ctx) })
	signal(o.arrived) // what an earlier process left
	return o, nil
}

// Close ends what runs in the background and waits for it. Nobody may use the
// outbox any more.
func (o *DiskOutbox) Close() error {
	o.stop()
	o.running.Wait()
	o.minutes.close()
	return o.closeFiles()
}

func (o *DiskOutbox) closeFiles() error {
	var errs []error
	for _, f := range []*os.File{o.records, o.pending, o.dead} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// keepHouse counts what waits, fills the window before it is empty, and has the
// folders looked through again now and then.
func (o *DiskOutbox) keepHouse(ctx context.Context) {
	o.recount(ctx)
	ticker := time.NewTicker(o.opts.Rescan)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-o.low:
			_ = o.scan(ctx, true) // a Claim meets the same error
			continue
		case <-ticker.C:
		}
		o.queue.startOver()
		signal(o.arrived)
		if o.tally.small() {
			o.recount(ctx)
		}
	}
}

// Confirm is part of Outbox. The store adds an entry only when all else is on
// stable storage, so that every entry is of a finished upload.
func (o *DiskOutbox) Confirm(context.Context, Entry) (Confirmation, error) { return Finished, nil }

// Arrived is part of Outbox. It also gets a value when it is time to look
// whether an operator added entries.
func (o *DiskOutbox) Arrived() <-chan struct{} { return o.arrived }

// signal puts a value into a channel that holds one, if it has none.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

var _ Outbox = (*DiskOutbox)(nil)

// Add is part of Outbox. The upload's record must be there. An error that is
// syscall.ENOSPC or EDQUOT says that the disk is full.
func (o *DiskOutbox) Add(ctx context.Context, info handler.FileInfo, finishedAt time.Time) error {
	return o.addWrapped(ctx, info.ID, finishedAt, true)
}

// AddJournaled is Add for who adds the same again after a power cut, unless the
// file system that the records are on was synced as a whole since: the entry
// survives the end of the process.
func (o *DiskOutbox) AddJournaled(ctx context.Context, info handler.FileInfo, finishedAt time.Time) error {
	return o.addWrapped(ctx, info.ID, finishedAt, false)
}

func (o *DiskOutbox) addWrapped(ctx context.Context, id string, finishedAt time.Time, durable bool) error {
	if err := o.add(ctx, id, finishedAt, durable); err != nil {
		return fmt.Errorf("add the event of upload %q to the outbox: %w", id, err)
	}
	return nil
}
