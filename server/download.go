package server

import (
	"context"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

// redirectTime is how long an address is valid that a download is sent to. A
// download that has begun goes on; who resumes one comes here again.
const redirectTime = 10 * time.Minute

// download serves a sealed upload, with ranges, past tusd: without the lock and
// without tusd's deadlines.
func (s *Server) download(w *response, r *http.Request, id string) error {
	if s.cfg.Downloads == "false" {
		return notFound()
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	x := exchangeOf(r)
	content, err := s.content(ctx, x, id)
	if err != nil {
		return err
	}
	defer content.Body.Close()
	h := w.Header()
	contentType, disposition := presentation(content.Info)
	if s.store.presign != nil {
		return s.redirect(ctx, w, id, x.client.mayStart(redirectTime), contentType, disposition)
	}
	h.Set("Content-Type", contentType)
	h.Set("Content-Disposition", disposition)
	h.Set("ETag", `"`+id+`"`) // a sealed upload never changes
	s.isolate(h)
	w.foreign, w.stopSending = true, cancel
	http.ServeContent(w, r, "", content.Modified, content.Body)
	return nil
}

// isolate says what a browser may do with a file of a stranger: run nothing, name its
// address (a secret, if there is no token) to nobody, keep it for one person, and ask
// again each time where who may have it can change.
func (s *Server) isolate(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", s.cors.embedding())
	if s.cfg.Auth == "none" {
		h.Set("Cache-Control", "private")
	} else {
		h.Set("Cache-Control", "private, no-cache")
	}
}

// content opens a finished upload that the client may use.
func (s *Server) content(ctx context.Context, x *exchange, id string) (store.Content, error) {
	content, err := s.store.Content(ctx, id)
	if err == nil {
		return content, nil
	}
	if denied := x.permitUnread(ctx, id, err); denied != nil {
		return content, denied
	}
	return content, err
}

// redirect sends a client to where S3 itself gives the upload. What browsers must
// not run or show in place is said there too; the address is a secret, so nobody is
// to keep the answer.
func (s *Server) redirect(ctx context.Context, w *response, id string, valid time.Duration, contentType, disposition string) error {
	address, err := s.store.presign(ctx, id, valid, contentType, disposition)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Location", address)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusTemporaryRedirect)
	return nil
}

// inline reports whether a browser may show a media type in place. None of
// these can run a script or is parsed by what has often been broken; PDF, SVG
// and HTML are not among them.
func inline(mediaType string) bool {
	switch mediaType {
	case "text/plain",
		"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp",
		"audio/mpeg", "audio/mp4", "audio/ogg", "audio/wav", "audio/webm", "audio/flac",
		"video/mp4", "video/webm", "video/ogg":
		return true
	}
	return false
}

// presentation returns Content-Type and Content-Disposition of a download. The
// names in the metadata are those that tus clients send: filetype and filename,
// or type and name. Both are only the uploader's word.
func presentation(info handler.FileInfo) (contentType, disposition string) {
	contentType, disposition = "application/octet-stream", "attachment"
	claimed := firstOf(info.MetaData, "filetype", "type")
	if mediaType, parameters, err := mime.ParseMediaType(claimed); err == nil {
		if formatted := mime.FormatMediaType(mediaType, parameters); formatted != "" {
			contentType = formatted
		}
		if inline(mediaType) {
			disposition = "inline"
		}
	}
	if name := cleanName(firstOf(info.MetaData, "filename", "name")); name != "" {
		disposition += "; filename=\"" + asciiName(name) + "\""
		if asciiName(name) != name {
			disposition += "; filename*=UTF-8''" + extValue(name)
		}
	}
	return contentType, disposition
}

func firstOf(m map[string]string, keys ...string) string {
	for _, key := range keys {
		if m[key] != "" {
			return m[key]
		}
	}
	return ""
}

// cleanName is the name without a path and without control characters.
func cleanName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0xfffd {
			return -1
		}
		return r
	}, name)
}

// asciiName is what clients show that don't know filename* (RFC 6266, 4.3).
func asciiName(name string) string {
	return strings.Map(func(r rune) rune {
		if r > '~' || r == '"' || r == '\\' || r == '%' {
			return '_'
		}
		return r
	}, name)
}

// extValue is the ext-value of RFC 8187: all but attr-char is percent-encoded.
func extValue(name string) string {
	// QueryEscape leaves letters, digits, "-", "_", "." and "~": all attr-chars.
	return strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
}
