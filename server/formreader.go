package server

import (
	"context"
	"fmt"
	"maps"
	"net/textproto"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

// formNames is the most that the names and types of all files of a form have
// together, in bytes.
const formNames = 256 << 10

// formFile is a file of a form that is being read.
type formFile struct {
	draft    store.Draft
	metadata handler.MetaData
}

// formReader reads a form. Its files are drafts until the form has ended well, so
// that fields after them are their metadata too, and nothing is left of a form that
// breaks off.
type formReader struct {
	server *Server
	ctx    context.Context // the request's
	body   *body
	parser *formParser

	files  []formFile
	fields map[string]string
	size   int // bytes of the fields
	// namesSize is that of all files' names and types.
	namesSize int
	given     bool
}

// read reads the form to its end.
func (f *formReader) read() error {
	if err := f.parser.begin(); err != nil {
		return err
	}
	for n := 0; !f.parser.closed; n++ {
		if n == formParts {
			return formTooManyParts()
		}
		header, err := f.parser.header()
		if err == nil {
			err = f.readPart(header)
		}
		if err != nil {
			return err
		}
	}
	f.parser.giveBack()
	return f.checkSizes()
}

func (f *formReader) readPart(header textproto.MIMEHeader) error {
	said := parseDisposition(header.Get("Content-Disposition"))
	switch {
	case encoded(header):
		return formMalformed("a part has a Content-Transfer-Encoding")
	case said.isFile:
		return f.readFile(header, said)
	case said.field == "":
		return formMalformed("a part has no name in its Content-Disposition")
	}
	return f.readField(said.field)
}

// encoded reports whether a part's bytes are not the file's. No browser does that,
// and RFC 7578 forbids it.
func encoded(header textproto.MIMEHeader) bool {
	switch strings.ToLower(header.Get("Content-Transfer-Encoding")) {
	case "", "7bit", "8bit", "binary":
		return false
	}
	return true
}

// readField reads a value. Names and values are held to what Upload-Metadata allows.
func (f *formReader) readField(name string) error {
	f.size += len(name)
	var value []byte
	err := f.parser.content(func(b []byte) error {
		if f.size += len(b); f.size > maxMetadata {
			return formFieldsTooLarge()
		}
		value = append(value, b...)
		return nil
	})
	if err != nil {
		return err
	}
	switch {
	case f.size > maxMetadata:
		return formFieldsTooLarge()
	case !utf8.Valid(value):
		return formInvalidField("its value is not UTF-8")
	}
	key := metadataKey(name)
	if earlier, twice := f.fields[key]; twice { // boxes that were ticked, a choice of several
		value = append([]byte(earlier+"\n"), value...)
	}
	f.fields[key] = string(value)
	return nil
}

// metadataKey is the name of a field as it can stand in Upload-Metadata: what can't
// is percent-encoded.
func metadataKey(name string) string {
	var b strings.Builder
	for _, c := range []byte(name) {
		if c <= ' ' || c > '~' || c == ',' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// readFile reads a file into a draft. A browser sends a file without name and bytes
// where none was chosen.
func (f *formReader) readFile(header textproto.MIMEHeader, said formPart) error {
	file := formFile{metadata: fileMetadata(header, said)}
	size := metadataSize(file.metadata)
	if f.namesSize += size; f.size+size > maxMetadata || f.namesSize > formNames {
		return formFieldsTooLarge()
	}
	if said.file != "" {
		if err := f.draft(&file); err != nil {
			return err
		}
	}
	began := time.Now()
	err := f.parser.content(func(b []byte) error {
		if file.draft == nil {
			if err := f.draft(&file); err != nil {
				return err
			}
		}
		if limit := f.server.cfg.MaxSize; limit > 0 && file.draft.Size()+int64(len(b)) > limit {
			return maxSizeExceeded()
		}
		if err := file.draft.Append(f.ctx, b); err != nil {
			return err
		}
		atomic.AddUint64(f.server.tusd.Metrics.BytesReceived, uint64(len(b)))
		return nil
	})
	if file.draft != nil {
		f.server.chunkEnded(f.ctx, store.EndedChunk{ID: file.draft.ID(), Size: file.draft.Size(), Began: began, Err: err})
	}
	return err
}

// draft begins the draft of a file. The last one's file is closed: a form may have
// many.
func (f *formReader) draft(file *formFile) (err error) {
	if last := len(f.files) - 1; last >= 0 {
		f.files[last].draft.Rest()
	}
	info, err := f.server.mayCreate(f.ctx.Value(exchangeKey{}).(*exchange), handler.FileInfo{MetaData: file.metadata, SizeIsDeferred: true})
	if err != nil {
		return err
	}
	f.namesSize += metadataSize(info.MetaData) - metadataSize(file.metadata)
	if file.metadata = info.MetaData; f.namesSize > formNames {
		return formFieldsTooLarge()
	}
	file.draft, err = f.server.store.NewDraft(f.ctx)
	if err != nil {
		return err
	}
	f.files = append(f.files, *file)
	f.parser.ready = nil
	if slow, ok := file.draft.(interface{ Wait() }); ok {
		f.parser.ready = slow.Wait
	}
	f.body.target.Store(&target{id: file.draft.ID(), owner: store.RequestFrom(f.ctx).Owner, offset: int64(len(f.parser.window)) - f.body.Received(), size: -1})
	atomic.AddUint64(f.server.tusd.Metrics.UploadsCreated, 1)
	return nil
}

// checkSizes holds what a file has of metadata to the bound, now that all fields are
// known.
func (f *formReader) checkSizes() error {
	for _, file := range f.files {
		if f.size+metadataSize(file.metadata) > maxMetadata {
			return formFieldsTooLarge()
		}
	}
	return nil
}

// finish makes uploads of all files.
func (f *formReader) finish() []store.Finished {
	drafts := make([]store.Draft, len(f.files))
	metadata := make([]handler.MetaData, len(f.files))
	for i, file := range f.files {
		// What the client says of the file itself is more than a field of that name.
		all := f.server.policing.fieldsFor(file.metadata, f.fields)
		maps.Copy(all, file.metadata)
		drafts[i], metadata[i] = file.draft, all
	}
	f.given = true
	return f.server.store.FinishDrafts(f.ctx, drafts, metadata)
}

// end lets go of what the form holds, and removes what wasn't finished.
func (f *formReader) end() {
	f.parser.giveBack()
	if f.given {
		return
	}
	for _, file := range f.files {
		if err := file.draft.Abandon(); err != nil {
			f.server.log.Warn("a file of a form that failed could not be removed; the janitor will", "upload", file.draft.ID(), "error", err)
		}
	}
}

// fileMetadata is what a part says of its file, under the names that tus clients
// use. The field is named where it says more than that this is a file.
func fileMetadata(header textproto.MIMEHeader, said formPart) handler.MetaData {
	m := handler.MetaData{}
	for key, value := range map[string]string{"filename": said.file, "filetype": header.Get("Content-Type"), "field": said.field} {
		if value != "" && utf8.ValidString(value) && (key != "field" || value != "file") {
			m[key] = value
		}
	}
	return m
}

func metadataSize(m map[string]string) int {
	size := 0
	for key, value := range m {
		size += len(key) + len(value)
	}
	return size
}
