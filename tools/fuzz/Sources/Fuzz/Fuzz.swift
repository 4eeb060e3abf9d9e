import Foundation
import KerasReaders

@testable import Conversion
@testable import ModelCore

/// The bytes of an input, as a stream.
private final class Input: ByteStream {
  let isRandomAccess = true
  private let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  func length(upTo limit: Int) -> Int { min(bytes.count, limit + 1) }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) -> Int {
    guard offset >= 0, offset < bytes.count else { return 0 }
    let part = bytes[offset...].prefix(buffer.count)
    buffer.copyBytes(from: part)
    return part.count
  }
}

/// Gives an input to the reader that its first byte chooses. Errors are answers; anything else
/// that ends a reader is a finding.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  guard count > 0 else { return 0 }
  let bytes = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
  do {
    switch start[0] % 6 {
    case 0: _ = try JSONValue(parsing: String(decoding: bytes, as: UTF8.self)).text
    case 1: try configuration(String(decoding: bytes, as: UTF8.self))
    case 2: _ = try NPYHeader(reading: Input(bytes))
    case 3: _ = try IDXHeader(reading: Input(bytes))
    case 4: try table(bytes)
    default: try archive(bytes)
    }
  } catch {
    // A refusal has to be able to say what it refuses.
    _ = "\(error)"
  }
  return 0
}

private func configuration(_ text: String) throws {
  let architecture = try KerasConfiguration(parsing: text).architecture
  _ = try architecture.shapes()
  _ = try architecture.parameterSpecifications()
}

private func table(_ bytes: [UInt8]) throws {
  var reader = try CSVReader(Input(bytes), separator: UInt8(ascii: ","))
  while try reader.next() {
    for index in reader.ends.indices { _ = reader.field(index) }
  }
}

private func archive(_ bytes: [UInt8]) throws {
  let path = FileManager.default.temporaryDirectory.appendingPathComponent("fuzz-\(getpid()).zip")
  try Data(bytes).write(to: path)
  _ = try ZipArchive(path: path.path).members
}

private typealias Arguments = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
  _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutablePointer<Arguments>,
  _ test: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

/// The package manager calls a program's entry by the name of its target.
@_cdecl("Fuzz_main")
public func fuzzMain(
  _ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
) -> CInt {
  var (count, arguments) = (count, arguments)
  return runFuzzer(&count, &arguments) { fuzzOne($0, $1) }
}
