// The opcodes of Python's pickles (pickletools.py), known ones and refused ones.
#pragma once

namespace ofer {

enum PickleOpcode : unsigned char {
  kProto = 0x80,
  kFrame = 0x95,
  kStop = '.',
  kMark = '(',
  kPutNone = 'N',
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kLong1 = 0x8a,
  kLong4 = 0x8b,
  kBinFloat = 'G',
  kShortBinString = 'U',
  kBinString = 'T',
  kShortBinUnicode = 0x8c,
  kBinUnicode = 'X',
  kBinUnicode8 = 0x8d,
  kShortBinBytes = 'C',
  kBinBytes = 'B',
  kBinBytes8 = 0x8e,
  kEmptyTuple = ')',
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kTupleOpcode = 't',
  kEmptyList = ']',
  kAppend = 'a',
  kAppends = 'e',
  kEmptyDict = '}',
  kSetItem = 's',
  kSetItems = 'u',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kMemoize = 0x94,
  kGlobalOpcode = 'c',
  kStackGlobal = 0x93,
  kReduce = 'R',
  kNewObj = 0x81,
  kBuild = 'b',
  kBinPersId = 'Q',
};

// Of any opcode, the refused ones too; null: there is none of that number.
inline const char* pickle_opcode_name(unsigned char opcode) {
  switch (opcode) {
    case kProto:
      return "PROTO";
    case kFrame:
      return "FRAME";
    case kStop:
      return "STOP";
    case kMark:
      return "MARK";
    case kPutNone:
      return "NONE";
    case kNewTrue:
      return "NEWTRUE";
    case kNewFalse:
      return "NEWFALSE";
    case kBinInt:
      return "BININT";
    case kBinInt1:
      return "BININT1";
    case kBinInt2:
      return "BININT2";
    case kLong1:
      return "LONG1";
    case kLong4:
      return "LONG4";
    case kBinFloat:
      return "BINFLOAT";
    case kShortBinString:
      return "SHORT_BINSTRING";
    case kBinString:
      return "BINSTRING";
    case kShortBinUnicode:
      return "SHORT_BINUNICODE";
    case kBinUnicode:
      return "BINUNICODE";
    case kBinUnicode8:
      return "BINUNICODE8";
    case kShortBinBytes:
      return "SHORT_BINBYTES";
    case kBinBytes:
      return "BINBYTES";
    case kBinBytes8:
      return "BINBYTES8";
    case kEmptyTuple:
      return "EMPTY_TUPLE";
    case kTuple1:
      return "TUPLE1";
    case kTuple2:
      return "TUPLE2";
    case kTuple3:
      return "TUPLE3";
    case kTupleOpcode:
      return "TUPLE";
    case kEmptyList:
      return "EMPTY_LIST";
    case kAppend:
      return "APPEND";
    case kAppends:
      return "APPENDS";
    case kEmptyDict:
      return "EMPTY_DICT";
    case kSetItem:
      return "SETITEM";
    case kSetItems:
      return "SETITEMS";
    case kBinGet:
      return "BINGET";
    case kLongBinGet:
      return "LONG_BINGET";
    case kBinPut:
      return "BINPUT";
    case kLongBinPut:
      return "LONG_BINPUT";
    case kMemoize:
      return "MEMOIZE";
    case kGlobalOpcode:
      return "GLOBAL";
    case kStackGlobal:
      return "STACK_GLOBAL";
    case kReduce:
      return "REDUCE";
    case kNewObj:
      return "NEWOBJ";
    case kBuild:
      return "BUILD";
    case kBinPersId:
      return "BINPERSID";
    // Refused.
    case '0':
      return "POP";
    case '1':
      return "POP_MARK";
    case '2':
      return "DUP";
    case 'F':
      return "FLOAT";
    case 'I':
      return "INT";
    case 'L':
      return "LONG";
    case 'P':
      return "PERSID";
    case 'S':
      return "STRING";
    case 'V':
      return "UNICODE";
    case 'd':
      return "DICT";
    case 'g':
      return "GET";
    case 'i':
      return "INST";
    case 'l':
      return "LIST";
    case 'o':
      return "OBJ";
    case 'p':
      return "PUT";
    case 0x82:
      return "EXT1";
    case 0x83:
      return "EXT2";
    case 0x84:
      return "EXT4";
    case 0x8f:
      return "EMPTY_SET";
    case 0x90:
      return "ADDITEMS";
    case 0x91:
      return "FROZENSET";
    case 0x92:
      return "NEWOBJ_EX";
    case 0x96:
      return "BYTEARRAY8";
    case 0x97:
      return "NEXT_BUFFER";
    case 0x98:
      return "READONLY_BUFFER";
    default:
      return nullptr;
  }
}

}  // namespace ofer
