package printer

import (
	"encoding/json"
	"reflect"
)

// withLists returns v with an empty list in place of every nil list, which JSON would show as null, because scripts iterate over
// lists. The targets of pointers and the elements of lists are changed in place.
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
		if !v.IsNil() && v.Elem().CanSet() {
			v.Elem().Set(filled(v.Elem()))
		}
	case reflect.Interface:
		if !v.IsNil() {
			return filled(v.Elem())
		}
	case reflect.Slice:
		return filledSlice(v)
	case reflect.Map:
		for _, key := range v.MapKeys() {
			v.SetMapIndex(key, filled(v.MapIndex(key)))
		}
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
	switch {
	case v.Type().Elem().Kind() == reflect.Uint8: // bytes are not a list in JSON
	case v.IsNil():
		return reflect.MakeSlice(v.Type(), 0, 0)
	default:
		for i := range v.Len() {
			v.Index(i).Set(filled(v.Index(i)))
		}
	}
	return v
}
