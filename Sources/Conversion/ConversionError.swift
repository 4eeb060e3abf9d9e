public import Zip

/// Why a foreign file could not be read, understood or written.
public typealias ConversionError = FileError
