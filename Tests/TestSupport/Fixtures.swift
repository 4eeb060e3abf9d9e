public import Foundation

/// The files under `Tests/Fixtures`, which other people's software wrote.
public enum Fixtures {
  public static let folder = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Fixtures")

  public static func path(_ name: String) -> String {
    folder.appendingPathComponent(name).path
  }

  public static func data(_ name: String) throws -> Data {
    try Data(contentsOf: folder.appendingPathComponent(name))
  }

  public static func text(_ name: String) throws -> String {
    String(decoding: try data(name), as: UTF8.self)
  }
}
