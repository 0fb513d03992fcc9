package server

import (
	"net/http"
	"strings"

	"github.com/tus/tusd/v2/pkg/handler"
)

// checkNumbers refuses lengths and offsets that are not plain digits, such as "+5", which
// tusd takes for 5; and a header that comes twice, of which tusd reads the first and a
// proxy perhaps the last.
func checkNumbers(h http.Header) error {
	switch {
	case !isNumber(h["Upload-Length"]):
		return invalidLength()
	case !isNumber(h["Upload-Offset"]):
		return invalidOffset()
	case len(h["Upload-Defer-Length"]) > 1:
		return handler.NewError("ERR_INVALID_UPLOAD_LENGTH_DEFER", "Upload-Defer-Length comes twice", http.StatusBadRequest)
	case len(h["Upload-Concat"]) > 1:
		return invalidConcat("it comes twice")
	}
	return nil
}

// isNumber reports whether a header is missing, or is one number or nothing.
func isNumber(values []string) bool {
	return len(values) == 0 || len(values) == 1 && strings.Trim(values[0], "0123456789") == ""
}

func invalidLength() handler.Error {
	return handler.NewError("ERR_INVALID_UPLOAD_LENGTH", "Upload-Length must be one number, 0 or more", http.StatusBadRequest)
}

func invalidOffset() handler.Error {
	return handler.NewError("ERR_INVALID_OFFSET", "Upload-Offset must be one number, 0 or more", http.StatusBadRequest)
}
