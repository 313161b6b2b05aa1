package printer

import (
	"encoding/json"
	"reflect"
)

// withLists returns v with an empty list in place of every nil list, which JSON would show as null, because scripts iterate over
// lists. v stays as it is: results share parts, such as the layer types of kinds, with the rest of the program.
func withLists(v any) any {
	if v == nil {
		return nil
	}
	return filled(reflect.ValueOf(v)).Interface()
}

// filled returns the value with empty lists in place of nil ones.
func filled(v reflect.Value) reflect.Value {
	if v.Type().Implements(reflect.TypeFor[json.Marshaler]()) {
		return v
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			target := reflect.New(v.Type().Elem())
			target.Elem().Set(filled(v.Elem()))
			return target
		}
	case reflect.Interface:
		if !v.IsNil() {
			return filled(v.Elem())
		}
	case reflect.Slice:
		return filledSlice(v)
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		entries := reflect.MakeMapWithSize(v.Type(), v.Len())
		for _, key := range v.MapKeys() {
			entries.SetMapIndex(key, filled(v.MapIndex(key)))
		}
		return entries
	case reflect.Struct:
		whole := reflect.New(v.Type()).Elem()
		whole.Set(v)
		for i := range whole.NumField() {
			if field := whole.Field(i); field.CanSet() {
				field.Set(filled(field))
			}
		}
		return whole
	}
	return v
}

func filledSlice(v reflect.Value) reflect.Value {
	if v.Type().Elem().Kind() == reflect.Uint8 { // bytes are not a list in JSON
		return v
	}
	elements := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
	for i := range v.Len() {
		elements.Index(i).Set(filled(v.Index(i)))
	}
	return elements
}
