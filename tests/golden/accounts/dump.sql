-- MySQL dump 10.13
/*!40101 SET NAMES utf8mb4 */;
DROP TABLE IF EXISTS `alias`;
CREATE TABLE `alias` (
  `goto` text NOT NULL, # what it leads to
  `note` enum('a)','b,') DEFAULT NULL,
  `address` varchar(255) NOT NULL DEFAULT '',
  PRIMARY KEY (`address`), KEY `x` (`goto`(10),`note`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
LOCK TABLES `alias` WRITE;
/*!40000 ALTER TABLE `alias` DISABLE KEYS */;
INSERT INTO `alias` VALUES ('it''s \'x\' \\ \n','a)','a@x.test'),("say ""hi""",NULL,'b@x.test'),
(_utf8mb4'\-_', X'', 'c@x.test');
ALTER TABLE alias ENABLE KEYS;
UNLOCK TABLES;
REPLACE INTO extmail.alias (address, `goto`, createdate, active) VALUES ('d@x.test', 0x64C3A4, NOW(), TRUE);
