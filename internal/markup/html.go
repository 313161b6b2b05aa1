package markup

import (
	"html"
	"slices"
	"strings"
)

// lineBreakTags are the tags that end a line.
var lineBreakTags = []string{"br", "p", "/p", "div", "/div", "li", "/summary", "tr", "/h1", "/h2", "/h3", "/h4", "hr", "/td", "/th", "/li", "/tr"}

// TagText returns the text of HTML, without tags and comments. An image becomes its alternative text and its path.
func TagText(text string) string {
	var b strings.Builder
	for {
		at := strings.IndexByte(text, '<')
		if at < 0 {
			b.WriteString(html.UnescapeString(text))
			return b.String()
		}
		b.WriteString(html.UnescapeString(text[:at]))
		text = text[at:]
		if strings.HasPrefix(text, "<!--") {
			_, text, _ = strings.Cut(text[len("<!--"):], "-->")
			continue
		}
		tag, rest, closed := strings.Cut(text[1:], ">")
		if !closed {
			b.WriteString(html.UnescapeString(text))
			return b.String()
		}
		b.WriteString(textOfTag(tag))
		text = rest
	}
}

// textOfTag returns the text that replaces a tag: a line break, the text for an image, or "".
func textOfTag(tag string) string {
	fields := strings.Fields(strings.ToLower(strings.TrimSuffix(tag, "/")))
	if len(fields) == 0 {
		return ""
	}
	if slices.Contains(lineBreakTags, fields[0]) {
		return "\n"
	}
	if fields[0] != "img" {
		return ""
	}
	alt, path := attribute(tag, "alt"), attribute(tag, "src")
	switch {
	case alt != "" && path != "":
		return "[image: " + alt + "] <" + path + ">"
	case alt != "" || path != "":
		return "[image: " + alt + path + "]"
	}
	return "[image]"
}

// attribute returns the value of an attribute in double quotes, or "" if the tag has no such attribute.
func attribute(tag, name string) string {
	_, value, _ := strings.Cut(tag, " "+name+`="`)
	value, _, isClosed := strings.Cut(value, `"`)
	if !isClosed {
		return ""
	}
	return html.UnescapeString(value)
}
