// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "reference-case",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "modelctl", path: "../..")],
  targets: [
    .executableTarget(
      name: "ReferenceCase",
      dependencies: [.product(name: "ModelctlKit", package: "modelctl")])
  ]
)
